"""`report.html`: what a run did, in one file that needs no network, made at its end or any time later."""
