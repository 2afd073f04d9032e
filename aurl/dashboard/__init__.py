"""The live dashboard: a read-only server on 127.0.0.1 over a directory of runs, and the store that it reads from."""
