"""Base model and adapter, one view of an MLP block, the readout and the capture of activations."""
