package policy

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// limits are the options of every program whose steps are counted.
func limits(cost uint64) []cel.ProgramOption {
	return []cel.ProgramOption{cel.CostLimit(cost), cel.CostTracking(prices{}), cel.InterruptCheckFrequency(interruptAt)}
}

// prices charges what CEL takes for one step although it goes over a whole list
// or dictionary: membership and equality, where the checker does not know the
// type. One unit is one element or ten bytes.
type prices struct{}

// CallCost implements CEL's estimator; nil is CEL's own price.
func (prices) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	if len(args) != 2 || types.IsError(result) {
		return nil
	}
	var cost uint64
	switch function {
	case operators.In:
		list, ok := args[1].(traits.Lister)
		if !ok {
			return nil // a dictionary looks a key up
		}
		n, _ := list.Size().(types.Int)
		cost = 1 + uint64(max(n, 0))*weight(args[0])
	case operators.Equals, operators.NotEquals:
		if !isAggregate(args[0]) || !isAggregate(args[1]) {
			return nil
		}
		cost = 1 + min(weight(args[0]), weight(args[1]))
	default:
		return nil
	}
	return &cost
}

func isAggregate(v ref.Val) bool {
	switch v.(type) {
	case traits.Lister, traits.Mapper:
		return true
	}
	return false
}

// maxWeight is where weighing stops: more than any limit.
const maxWeight = 100 * explainCost

// weight is what comparing a value costs at most.
func weight(v ref.Val) uint64 {
	left := int64(maxWeight)
	weigh(v, &left)
	return uint64(maxWeight - left)
}

func weigh(v ref.Val, left *int64) {
	*left--
	switch v := v.(type) {
	case types.String:
		*left -= int64(len(v) / 10)
	case types.Bytes:
		*left -= int64(len(v) / 10)
	case *plistMap:
		weighValue(v.v, left)
	case traits.Mapper:
		for it := v.Iterator(); *left > 0 && it.HasNext() == types.True; {
			key := it.Next()
			weigh(key, left)
			if item, ok := v.Find(key); ok {
				weigh(item, left)
			}
		}
	case traits.Lister:
		for it := v.Iterator(); *left > 0 && it.HasNext() == types.True; {
			weigh(it.Next(), left)
		}
	}
}

func weighValue(v code.Value, left *int64) {
	*left--
	switch v.Kind() {
	case plist.KindString:
		s, _ := v.Str()
		*left -= int64(len(s) / 10)
	case plist.KindData:
		b, _ := v.Bytes()
		*left -= int64(len(b) / 10)
	case plist.KindArray:
		for item := range v.Items() {
			if *left > 0 {
				weighValue(item, left)
			}
		}
	case plist.KindDict:
		for key, item := range v.All() {
			if *left > 0 {
				*left -= int64(len(key) / 10)
				weighValue(item, left)
			}
		}
	}
}
