"""What a process says becomes the events of one answer."""
