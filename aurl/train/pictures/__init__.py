"""What a training shows of itself beside numbers: histograms, the model's graph, latents, loss landscape, attention."""
