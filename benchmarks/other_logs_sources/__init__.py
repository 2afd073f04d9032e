"""Small real trainings in other libraries, with labels that are checked on the curve; one module per library."""
