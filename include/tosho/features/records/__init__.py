"""What a row of features is given beside bars, by the table that it comes from."""
