"""What a training costs: memory, time and arithmetic, and how it fits what there is."""
