package pullrequest_test

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/behaviour"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/memory"
)

func TestBehaviour(t *testing.T) {
	behaviour.Run(t, func(*testing.T) behaviour.World {
		f := memory.New(behaviour.Files())
		return behaviour.World{
			Forge: f, Writes: f.Writes, Merge: f.MergeAsPerson, UpdateBranch: f.UpdateBranchAsPerson,
			Push: func(branch string, files map[string]string) {
				f.PushAs(memory.PersonEmail, branch, "Work of a person", files)
			},
			Close: func(number int64) { f.EndAsPerson(number, pullrequest.Closed) },
		}
	})
}
