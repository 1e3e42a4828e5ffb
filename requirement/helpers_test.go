package requirement

import (
	"strconv"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// statusText is how the vectors write an error.
func statusText(err error) string {
	if err == nil {
		return ""
	}
	return "OSStatus " + strconv.Itoa(int(code.StatusOf(err)))
}
