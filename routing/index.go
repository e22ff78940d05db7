package routing

import "maps"

// indexShards is a power of two. With 30,000 keys a shard holds about 30, so an
// edit copies little and the copied array of shards stays at 8 KB.
const indexShards = 1024

// index is a map that shares its unchanged parts with the index it was made from.
type index[V any] struct {
	shards *[indexShards]map[string]V
	size   int
}

// shardOf is FNV-1a. Keys are chosen by administrators, not by callers.
func shardOf(key string) int {
	h := uint32(2166136261)
	for i := range len(key) {
		h = (h ^ uint32(key[i])) * 16777619
	}
	return int((h ^ h>>15) & (indexShards - 1))
}

func (x *index[V]) get(key string) (V, bool) {
	v, ok := x.shards[shardOf(key)][key]
	return v, ok
}

// edit makes changed copies of an index. The index it started from stays as it is.
type edit[V any] struct {
	index[V]
	owned [indexShards]bool
}

func newEdit[V any](from index[V]) *edit[V] {
	e := &edit[V]{index: index[V]{shards: new([indexShards]map[string]V), size: from.size}}
	if from.shards != nil {
		*e.shards = *from.shards
	}
	return e
}

func (e *edit[V]) own(key string) map[string]V {
	i := shardOf(key)
	if !e.owned[i] {
		e.owned[i] = true
		if e.shards[i] = maps.Clone(e.shards[i]); e.shards[i] == nil {
			e.shards[i] = make(map[string]V)
		}
	}
	return e.shards[i]
}

func (e *edit[V]) set(key string, v V) {
	m := e.own(key)
	before := len(m)
	m[key] = v
	e.size += len(m) - before
}

func (e *edit[V]) remove(key string) {
	m := e.own(key)
	before := len(m)
	delete(m, key)
	e.size += len(m) - before
}
