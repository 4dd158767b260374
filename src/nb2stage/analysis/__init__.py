"""Plain Python -> what each statement does, and what crosses between the stages."""
