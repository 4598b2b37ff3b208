"""What is looked at before anything starts, and by `slipway doctor`."""
