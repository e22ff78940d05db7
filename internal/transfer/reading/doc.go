// Package reading holds the fuzz targets of the reader of internal/transfer. They have a program of their own, without a database: with
// all of SQLite watched as well an input would take seconds.
package reading
