"""The report on a model: figures as JSON, plots, the model card."""
