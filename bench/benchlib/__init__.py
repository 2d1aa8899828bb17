"""What bench/compare and bench/profile share."""
