"""What a radio or optical link loses between its antennas, and how many bits it carries then."""
