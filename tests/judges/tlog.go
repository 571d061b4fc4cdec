// Reads from standard input what the tests wrote, and judges it with Go's own sumdb/note and sumdb/tlog.
//
// Lines: "note <vkey> <base64 of the note>", "record <size> <root> <index> <leaf> <hashes...>",
// "tree <new size> <new root> <old size> <old root> <hashes...>"; hashes are base64. Each is answered by "yes" or "no".
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func hash(text string) tlog.Hash {
	var found tlog.Hash
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) != len(found) {
		panic("no hash: " + text)
	}
	copy(found[:], data)
	return found
}

func hashes(texts []string) []tlog.Hash {
	var found []tlog.Hash
	for _, text := range texts {
		found = append(found, hash(text))
	}
	return found
}

func number(text string) int64 {
	found, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return found
}

func judge(parts []string) error {
	switch parts[0] {
	case "note":
		verifier, err := note.NewVerifier(parts[1])
		if err != nil {
			return err
		}
		text, err := base64.StdEncoding.DecodeString(parts[2])
		if err != nil {
			return err
		}
		_, err = note.Open(text, note.VerifierList(verifier))
		return err
	case "record":
		return tlog.CheckRecord(hashes(parts[5:]), number(parts[1]), hash(parts[2]), number(parts[3]), hash(parts[4]))
	case "tree":
		return tlog.CheckTree(hashes(parts[5:]), number(parts[1]), hash(parts[2]), number(parts[3]), hash(parts[4]))
	}
	panic("unknown: " + parts[0])
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for lines.Scan() {
		if judge(strings.Fields(lines.Text())) == nil {
			fmt.Println("yes")
		} else {
			fmt.Println("no")
		}
	}
}
