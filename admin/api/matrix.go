package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Matrix holds, for each number of a user, the IDs of the slots ticked for it in
// the order of the columns.
type Matrix map[string][]string

// maxMatrix bounds rows and ticks in a row of a matrix that is sent.
const maxMatrix = 1000

// Schema describes the matrix: huma would allow null for rows.
func (Matrix) Schema(huma.Registry) *huma.Schema {
	most := maxMatrix
	return &huma.Schema{
		Type: huma.TypeObject, MaxProperties: &most,
		Description: "For each number the IDs of its ticked slots",
		Examples:    []any{map[string][]string{"416": {"01JD0000000000000000000000"}}},
		AdditionalProperties: &huma.Schema{
			Type: huma.TypeArray, MaxItems: &most, Items: &huma.Schema{Type: huma.TypeString},
		},
	}
}

type matrixOutput struct {
	ETag string `header:"ETag"`
	Body Matrix
}

func (a *API) registerMatrix() {
	const path = "/api/users/{username}/matrix"
	register(a, operation{
		id: "get-matrix", method: http.MethodGet, path: path, tag: "matrix", access: ownOnly,
		summary: "Show the matrix of a user", errors: []int{http.StatusNotFound},
	}, a.getMatrix)
	register(a, operation{
		id: "set-matrix", method: http.MethodPut, path: path, tag: "matrix", access: ownOnly,
		summary: "Set the matrix of a user",
		doc: "Replaces all ticks; a number that is left out has none. The change is in force for the next call. " +
			"When somebody else has changed the matrix in the meantime, the answer 412 carries it as it is now, with its ETag.",
		errors: []int{http.StatusNotFound, http.StatusPreconditionFailed}, current: Matrix{},
	}, a.setMatrix)
}

func matrixAnswer(snap *directory.Snapshot, userID string) *matrixOutput {
	return &matrixOutput{ETag: etag(snap.MatrixVersions[userID]), Body: snap.Matrix(userID)}
}

func (a *API) getMatrix(ctx context.Context, in *struct {
	UserPath
	Conditional
},
) (*matrixOutput, error) {
	snap := a.deps.Store.Snapshot()
	u, err := mayUser(who(ctx), snap, in.Username)
	if err != nil {
		return nil, err
	}
	if err := in.fresh(etag(snap.MatrixVersions[u.ID])); err != nil {
		return nil, err
	}
	return matrixAnswer(snap, u.ID), nil
}

func (a *API) setMatrix(ctx context.Context, in *struct {
	UserPath
	Precondition
	Body Matrix
},
) (*matrixOutput, error) {
	var out *matrixOutput
	err := a.change(ctx, func(tx Tx) error {
		snap := tx.Snapshot()
		u, err := mayUser(who(ctx), snap, in.Username)
		if err != nil {
			return err
		}
		version := snap.MatrixVersions[u.ID]
		if err := in.checkShowing(etag(version), Matrix(snap.Matrix(u.ID))); err != nil {
			return err
		}
		if _, err := tx.SetMatrix(u.ID, in.Body, version); err != nil {
			return err
		}
		out = matrixAnswer(tx.Snapshot(), u.ID)
		return nil
	})
	return out, err
}
