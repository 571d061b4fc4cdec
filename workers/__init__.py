"""What follows by itself: starts from the record, ends at the same front door."""
