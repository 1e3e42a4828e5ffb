package plist

// gathered collects what a container holds. A slice that append grows throws away
// several times its final size, and there are inputs of nothing but empty elements;
// these pieces are copied once.
type gathered[T any] struct {
	full [][]T
	last []T
	n    int
}

func (g *gathered[T]) add(v T) {
	if len(g.last) == cap(g.last) {
		if g.n > 0 {
			g.full = append(g.full, g.last)
		}
		g.last = make([]T, 0, max(2, g.n/2))
	}
	g.last = append(g.last, v)
	g.n++
}

// slice returns all that was added, in order; nil for nothing.
func (g *gathered[T]) slice() []T {
	if len(g.full) == 0 {
		return g.last
	}
	out := make([]T, 0, g.n)
	for _, piece := range g.full {
		out = append(out, piece...)
	}
	return append(out, g.last...)
}
