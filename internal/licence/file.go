package licence

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"
)

// document is a file as it was read, with nothing of it believed yet.
type document struct {
	Licence
	signature []byte
}

// decode reads the file strictly: one object with all members that there are and no other, each once, and nothing behind it.
func decode(file []byte) (document, error) {
	var d document
	switch {
	case len(file) > MaxSize:
		return d, faultTooLarge()
	case len(bytes.TrimSpace(file)) == 0:
		return d, faultTruncated()
	case !utf8.Valid(file):
		return d, faultNoLicence()
	}
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.UseNumber()
	first, err := dec.Token()
	if err != nil || first != json.Delim('{') {
		return d, faultNoLicence()
	}
	seen := map[string]bool{}
	format := ""
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return d, broken(file, dec, err)
		}
		member, _ := name.(string)
		if seen[member] {
			return d, faultMalformed(fmt.Sprintf("%.40q stands in it twice", member))
		}
		seen[member] = true
		if err := d.member(dec, member, &format); err != nil {
			return d, broken(file, dec, err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return d, broken(file, dec, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return d, faultMalformed("something stands behind its end")
	}
	if !seen["format"] {
		return d, faultNoLicence()
	}
	if format != Format {
		return d, faultFormat(format)
	}
	for _, need := range []string{"product", "version", "company", "users", "issued", "valid_until", "serial", "key", "signature"} {
		if !seen[need] {
			return d, faultMalformed(need + " is missing")
		}
	}
	if len(d.signature) != ed25519.SignatureSize {
		return d, faultMalformed("the signature does not have its length")
	}
	return d, d.check()
}

// member reads the value of a member.
func (d *document) member(dec *json.Decoder, name string, format *string) error {
	switch name {
	case "format":
		return dec.Decode(format)
	case "product":
		return dec.Decode(&d.Product)
	case "version":
		return dec.Decode(&d.Version)
	case "company":
		return dec.Decode(&d.Company)
	case "users":
		return dec.Decode(&d.Users)
	case "issued":
		return day(dec, &d.Issued)
	case "valid_until":
		return day(dec, &d.ValidUntil)
	case "serial":
		return dec.Decode(&d.Serial)
	case "features":
		return dec.Decode(&d.Features)
	case "key":
		return dec.Decode(&d.Key)
	case "signature":
		var text string
		if err := dec.Decode(&text); err != nil {
			return err
		}
		b, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return faultMalformed("the signature is not base64")
		}
		d.signature = b
		return nil
	}
	return faultMalformed(fmt.Sprintf("%.40q is not known to this version of the program", name))
}

func day(dec *json.Decoder, t *time.Time) error {
	var text string
	if err := dec.Decode(&text); err != nil {
		return err
	}
	got, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return faultMalformed(fmt.Sprintf("%.20q is not a day such as 2027-11-30", text))
	}
	*t = got
	return nil
}

// broken tells a file that has been cut off from one that is written wrongly.
func broken(file []byte, dec *json.Decoder, err error) error {
	var known *Fault
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.As(err, &syntax) && dec.InputOffset() >= int64(len(file)):
		return faultTruncated()
	case errors.As(err, &syntax):
		return faultMalformed("it is not JSON")
	}
	return faultMalformed("a member has a value of the wrong kind")
}

// encode writes the file, in the order in which people read it.
func encode(l *Licence, signature []byte) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(struct { // strings and numbers: it cannot fail
		Format     string   `json:"format"`
		Product    string   `json:"product"`
		Version    int      `json:"version"`
		Company    string   `json:"company"`
		Users      int      `json:"users"`
		Issued     string   `json:"issued"`
		ValidUntil string   `json:"valid_until"`
		Serial     string   `json:"serial"`
		Features   []string `json:"features,omitempty"`
		Key        string   `json:"key"`
		Signature  []byte   `json:"signature"`
	}{
		Format, l.Product, l.Version, l.Company, l.Users, l.Issued.Format(time.DateOnly), l.ValidUntil.Format(time.DateOnly), l.Serial, l.Features, l.Key, signature,
	})
	return b.Bytes()
}
