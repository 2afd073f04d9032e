"""Public training logs of many repositories, labelled blind, and how the detectors do on them."""
