"""A trained network in the formats that others run, and what each answers."""
