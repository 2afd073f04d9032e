"""The TensorBoard sink: one file for each page of TensorBoard."""
