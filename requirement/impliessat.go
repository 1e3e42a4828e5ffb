package requirement

// solver decides whether clauses of literals can all hold: conflict-driven clause
// learning with two watched literals, and the most recently useful variable
// decided first, as false. A literal is a variable (1, 2, …) or its negative.
//
// All work is paid from steps, so neither time nor memory exceed what that buys.
type solver struct {
	clauses [][]int32
	from    []int32   // where the search for a new watch goes on, by clause
	watches [][]int32 // clauses, by literal
	value   []int8    // by variable: +1 true, -1 false, 0 open
	level   []int32
	reason  []int32 // the clause that forced a variable, or -1
	seen    []bool
	trail   []int32
	limits  []int // the length of the trail at each decision
	head    int
	broken  bool // no assignment is left
	steps   *int

	prev, next []int32 // the order of decisions, a ring through 0
	stamp      []int
	stamps     int
	cursor     int32
}

func newSolver(vars int, steps *int) *solver {
	*steps -= vars
	s := &solver{steps: steps, watches: make([][]int32, 2*vars+2)}
	s.value, s.level = make([]int8, vars+1), make([]int32, vars+1)
	s.reason, s.seen = make([]int32, vars+1), make([]bool, vars+1)
	s.prev, s.next, s.stamp = make([]int32, vars+1), make([]int32, vars+1), make([]int, vars+1)
	for v := vars; v > 0; v-- { // so that the last variables are decided first
		s.unlinkedToFront(int32(vars + 1 - v))
	}
	s.cursor = s.next[0]
	return s
}

func (s *solver) unlinkedToFront(v int32) {
	s.stamps++
	s.stamp[v] = s.stamps
	first := s.next[0]
	s.prev[v], s.next[v] = 0, first
	s.prev[first], s.next[0] = v, v
}

func (s *solver) toFront(v int32) {
	s.next[s.prev[v]], s.prev[s.next[v]] = s.next[v], s.prev[v]
	s.unlinkedToFront(v)
	if s.value[v] == 0 {
		s.cursor = v
	}
}

func variable(l int32) int32 { return max(l, -l) }

func watchOf(l int32) int32 {
	if l < 0 {
		return -2*l + 1
	}
	return 2 * l
}

// of is the value of a literal: +1, -1 or 0.
func (s *solver) of(l int32) int8 {
	if l < 0 {
		return -s.value[-l]
	}
	return s.value[l]
}

// add adds a clause. It undoes all decisions, and keeps lits.
func (s *solver) add(lits ...int32) {
	s.undo(0)
	*s.steps -= len(lits) + 1
	kept := lits[:0]
	for _, l := range lits {
		switch s.of(l) {
		case 1:
			return
		case 0:
			kept = append(kept, l)
		}
	}
	switch len(kept) {
	case 0:
		s.broken = true
	case 1:
		s.set(kept[0], -1)
	default:
		s.attach(kept)
	}
}

func (s *solver) attach(lits []int32) int32 {
	c := int32(len(s.clauses))
	s.clauses, s.from = append(s.clauses, lits), append(s.from, 2)
	for _, l := range lits[:2] {
		w := watchOf(l)
		s.watches[w] = append(s.watches[w], c)
	}
	return c
}

func (s *solver) set(l, reason int32) {
	v := variable(l)
	s.value[v] = 1
	if l < 0 {
		s.value[v] = -1
	}
	s.level[v], s.reason[v] = int32(len(s.limits)), reason
	s.trail = append(s.trail, l)
}

func (s *solver) undo(level int) {
	if len(s.limits) <= level {
		return
	}
	for i := len(s.trail) - 1; i >= s.limits[level]; i-- {
		v := variable(s.trail[i])
		s.value[v] = 0
		if s.stamp[v] > s.stamp[s.cursor] {
			s.cursor = v
		}
	}
	s.trail, s.limits = s.trail[:s.limits[level]], s.limits[:level]
	s.head = len(s.trail)
}

// propagate sets what follows; it returns a clause that cannot hold, or -1.
func (s *solver) propagate() int32 {
	for s.head < len(s.trail) {
		gone := -s.trail[s.head]
		s.head++
		list := s.watches[watchOf(gone)]
		kept := list[:0]
		for i, c := range list {
			*s.steps--
			lits := s.clauses[c]
			if lits[0] == gone {
				lits[0], lits[1] = lits[1], lits[0]
			}
			if s.of(lits[0]) == 1 || !s.rewatch(c, lits) {
				kept = append(kept, c)
			} else {
				continue
			}
			switch s.of(lits[0]) {
			case -1:
				s.watches[watchOf(gone)] = append(kept, list[i+1:]...)
				return c
			case 0:
				s.set(lits[0], c)
			}
		}
		s.watches[watchOf(gone)] = kept
	}
	return -1
}

// rewatch looks for another literal to watch instead of lits[1]. It goes on where
// it stopped the last time, so that long clauses cost no more than short ones.
func (s *solver) rewatch(c int32, lits []int32) bool {
	n := int32(len(lits)) - 2
	at := s.from[c] - 2
	for range n {
		*s.steps--
		if l := lits[at+2]; s.of(l) >= 0 {
			lits[1], lits[at+2] = l, lits[1]
			w := watchOf(l)
			s.watches[w] = append(s.watches[w], c)
			s.from[c] = at + 2
			return true
		}
		if at++; at == n {
			at = 0
		}
	}
	return false
}

// learn turns a clause that cannot hold into one that would have prevented it,
// and goes back to where that one forces something.
func (s *solver) learn(conflict int32) {
	learnt := []int32{0}
	open, i, level := 0, len(s.trail)-1, int32(len(s.limits))
	var asserting int32
	for c := conflict; ; {
		for _, l := range s.clauses[c] {
			*s.steps--
			v := variable(l)
			if l == asserting || s.seen[v] || s.level[v] == 0 {
				continue
			}
			s.seen[v] = true
			if s.level[v] == level {
				open++
			} else {
				learnt = append(learnt, l)
			}
		}
		for !s.seen[variable(s.trail[i])] {
			i--
		}
		asserting = s.trail[i]
		v := variable(asserting)
		s.seen[v] = false
		i--
		s.toFront(v)
		if open--; open == 0 {
			break
		}
		c = s.reason[v]
	}
	learnt[0] = -asserting
	back := int32(0)
	for i, l := range learnt[1:] {
		v := variable(l)
		s.seen[v] = false
		if s.level[v] > back {
			back = s.level[v]
			learnt[1], learnt[i+1] = learnt[i+1], learnt[1]
		}
	}
	s.undo(int(back))
	reason := int32(-1)
	if len(learnt) > 1 {
		reason = s.attach(learnt)
	}
	s.set(learnt[0], reason)
}

// solve looks for an assignment of all variables. found is false when there is
// none, or when the steps are used up.
func (s *solver) solve() (found bool) {
	for !s.broken && *s.steps > 0 {
		if c := s.propagate(); c >= 0 {
			if len(s.limits) == 0 {
				s.broken = true
				return false
			}
			s.learn(c)
			continue
		}
		v := s.cursor
		for v != 0 && s.value[v] != 0 {
			*s.steps--
			v = s.next[v]
		}
		s.cursor = v
		if v == 0 {
			return true
		}
		s.limits = append(s.limits, len(s.trail))
		s.set(-v, -1)
	}
	return false
}
