"""What the tests share: worlds and programs to test with, truths to hold them against."""
