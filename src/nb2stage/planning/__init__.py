"""What the analysis found -> stages, with what each reads, writes and shows."""
