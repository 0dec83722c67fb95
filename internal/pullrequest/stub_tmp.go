package pullrequest

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func InWindow(v1alpha1.Schedule, time.Time) (bool, time.Time, error) { return true, time.Time{}, nil }
