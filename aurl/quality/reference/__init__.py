"""What samples are compared with: profiles of corpora, and the statistics between them."""
