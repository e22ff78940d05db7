package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// MatrixOrder is the order of rows and columns of a matrix.
type MatrixOrder struct {
	Numbers []string `json:"numbers" nullable:"false" doc:"The rows"`
	Slots   []string `json:"slots" nullable:"false" doc:"IDs of the columns"`
}

type orderMatrixInput struct {
	UserPath
	Precondition
	Body struct {
		Numbers []string `json:"numbers,omitempty" maxItems:"1000" maxLength:"15" nullable:"false" doc:"All numbers in the new order, each once; left out, the rows stay as they are"`
		Slots   []string `json:"slots,omitempty" maxItems:"1000" maxLength:"64" nullable:"false" doc:"The IDs of all slots in the new order, each once; left out, the columns stay as they are"`
	}
}

func (a *API) registerMatrixOrder() {
	register(a, operation{
		id: "order-matrix", method: http.MethodPut, path: "/api/users/{username}/matrix/order", tag: "matrix", access: ownOnly,
		summary: "Put rows and columns of a matrix in order",
		doc: "A slot without a default number of its own shows the first number that is ticked for it, so the order of the rows decides which that is, from the next " +
			"call on. The first number also stands for its user in lists. The order of the columns is for the eye only: all ticked slots ring at once. " +
			"If-Match takes the entity tag of the matrix.",
		errors: []int{http.StatusNotFound, http.StatusPreconditionFailed}, current: MatrixOrder{},
	}, a.orderMatrix)
}

func matrixOrder(snap *directory.Snapshot, userID string) MatrixOrder {
	return MatrixOrder{Numbers: notNil(slices.Clone(snap.Rows[userID])), Slots: notNil(slices.Clone(snap.Columns[userID]))}
}

func (a *API) orderMatrix(ctx context.Context, in *orderMatrixInput) (*objectOutput[MatrixOrder], error) {
	var out *objectOutput[MatrixOrder]
	err := a.change(ctx, func(tx Tx) error {
		snap := tx.Snapshot()
		u, err := mayUser(who(ctx), snap, in.Username)
		if err != nil {
			return err
		}
		version := snap.MatrixVersions[u.ID]
		if err := in.checkShowing(etag(version), matrixOrder(snap, u.ID)); err != nil {
			return err
		}
		if version, err = tx.OrderMatrix(u.ID, in.Body.Numbers, in.Body.Slots, version); err != nil {
			return err
		}
		out = &objectOutput[MatrixOrder]{ETag: etag(version), Body: matrixOrder(tx.Snapshot(), u.ID)}
		return nil
	})
	return out, err
}
