package requirement

func formatIndent(e *Expr) string { return Format(e) }
