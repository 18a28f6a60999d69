"""The report on a model: metrics as JSON, plots and the model card."""
