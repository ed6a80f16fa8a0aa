"""Files and devices to frames and back. The only home of `import av`."""
