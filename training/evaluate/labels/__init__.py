"""Wrong labels: finding them, and a reviewed list that corrects them."""
