"""May this be asked, may this be shown, who is sanctioned."""
