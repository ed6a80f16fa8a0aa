"""What a user would write today, as short and plain as they would write it."""
