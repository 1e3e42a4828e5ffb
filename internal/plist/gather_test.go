package plist

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestGatheredKeepsTheOrder(t *testing.T) {
	t.Parallel()
	var g gathered[int]
	var want []int
	assert.Nil(t, g.slice())
	for i := range 1000 {
		g.add(i)
		want = append(want, i)
		assert.Equal(t, want, g.slice())
	}
}
