"""This machine and this process: GPU, host, git, signals, secrets, whole files, plain reading of conf/."""
