"""What was known when: the as-of join, and what is derived from records by the time at which they were published."""
