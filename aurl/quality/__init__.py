"""Musical quality: ten metrics calibrated on real music, published metrics, copied passages, trends."""
