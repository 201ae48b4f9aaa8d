"""The GPU half: takes jobs, makes pictures, hands outcomes back."""
