// Checks a log of ours with golang.org/x/mod/sumdb alone: it shares no code with the product.
//
//	verify_log DIRECTORY
//
// The directory holds keys (verifier keys, one a line), checkpoints (each NAME.note), tiles (tile/LEVEL/INDEX, the
// hashes), lines (the sealed lines of the export, in the order of the tree), inclusion (a line each: leaf, size and the
// hashes of the proof in base64) and consistency (old size, new size, hashes).
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/ioutil"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type head struct {
	size int64
	root tlog.Hash
}

func main() {
	if len(os.Args) != 2 {
		refuse("Name the directory of the log.")
	}
	directory := os.Args[1]
	heads := readHeads(directory)
	leaves := checkTree(directory, heads)
	tiles := checkTiles(directory, heads, leaves)
	inclusions := checkInclusions(directory, heads, leaves)
	consistencies := checkConsistencies(directory, heads)
	fmt.Printf("checkpoints %d, leaves %d, tiles %d, inclusion proofs %d, consistency proofs %d\n",
		len(heads), len(leaves), tiles, inclusions, consistencies)
}

// readHeads opens each checkpoint as a signed note.
func readHeads(directory string) map[int64]head {
	var verifiers []note.Verifier
	for _, line := range linesOf(filepath.Join(directory, "keys")) {
		verifier, err := note.NewVerifier(line)
		must(err, "the verifier key "+line)
		verifiers = append(verifiers, verifier)
	}
	names, err := filepath.Glob(filepath.Join(directory, "*.note"))
	must(err, "the checkpoints")
	heads := map[int64]head{}
	for _, name := range names {
		text, err := ioutil.ReadFile(name)
		must(err, name)
		opened, err := note.Open(text, note.VerifierList(verifiers...))
		must(err, name)
		// tlog.ParseTree reads trees of Go's own database alone, by their first line; the rest is the same.
		lines := strings.Split(opened.Text, "\n")
		tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + strings.Join(lines[1:], "\n")))
		must(err, name)
		heads[tree.N] = head{tree.N, tree.Hash}
	}
	return heads
}

// memory keeps the stored hashes of a tree by tlog's own numbering.
type memory []tlog.Hash

func (kept memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for place, index := range indexes {
		if index >= int64(len(kept)) {
			return nil, fmt.Errorf("hash %d is missing", index)
		}
		found[place] = kept[index]
	}
	return found, nil
}

// checkTree hashes every line anew and compares the root at each signed size.
func checkTree(directory string, heads map[int64]head) []tlog.Hash {
	var kept memory
	var leaves []tlog.Hash
	met := 0
	for place, line := range linesOf(filepath.Join(directory, "lines")) {
		hashes, err := tlog.StoredHashes(int64(place), []byte(line), kept)
		must(err, "a line")
		kept = append(kept, hashes...)
		leaves = append(leaves, tlog.RecordHash([]byte(line)))
		size := int64(place + 1)
		root, err := tlog.TreeHash(size, kept)
		must(err, "the tree")
		if signed, ok := heads[size]; ok {
			met++
			if signed.root != root {
				refuse(fmt.Sprintf("The lines give another tree of %d entries than was signed.", size))
			}
		}
	}
	if met != len(heads) {
		refuse(fmt.Sprintf("There are lines for %d of %d checkpoints.", met, len(heads)))
	}
	return leaves
}

// tileFiles reads tiles of height 8 as tlog.TileHashReader asks for them, which proves them against the root.
type tileFiles struct {
	directory string
	read      map[string]bool
}

func (files tileFiles) Height() int                                { return 8 }
func (files tileFiles) SaveTiles(tiles []tlog.Tile, data [][]byte) {}
func (files tileFiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		name := filepath.Join(files.directory, "tile", strconv.Itoa(tile.L), strconv.FormatInt(tile.N, 10))
		data, err := ioutil.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if len(data) < tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s is too short", name)
		}
		files.read[name] = true
		found = append(found, data[:tile.W*tlog.HashSize])
	}
	return found, nil
}

// checkTiles has each leaf of the newest tree read through its tiles, and compares it with its line as well: version
// 0.7.0, which Debian 12 has, proves the tiles that the root needs and not each of the others.
func checkTiles(directory string, heads map[int64]head, leaves []tlog.Hash) int {
	newest := newestOf(heads)
	files := tileFiles{directory, map[string]bool{}}
	reader := tlog.TileHashReader(tlog.Tree{N: newest.size, Hash: newest.root}, files)
	indexes := make([]int64, newest.size)
	for place := range indexes {
		indexes[place] = tlog.StoredHashIndex(0, int64(place))
	}
	found, err := reader.ReadHashes(indexes)
	must(err, "the tiles")
	for place, hash := range found {
		if hash != leaves[place] {
			refuse(fmt.Sprintf("The tiles hold another leaf %d than the lines give.", place))
		}
	}
	return len(files.read)
}

func checkInclusions(directory string, heads map[int64]head, leaves []tlog.Hash) int {
	lines := linesOf(filepath.Join(directory, "inclusion"))
	for _, line := range lines {
		leaf, size, proof := numbersAndHashes(line)
		err := tlog.CheckRecord(tlog.RecordProof(proof), size, heads[size].root, leaf, leaves[leaf])
		must(err, fmt.Sprintf("the inclusion proof of leaf %d", leaf))
	}
	return len(lines)
}

func checkConsistencies(directory string, heads map[int64]head) int {
	lines := linesOf(filepath.Join(directory, "consistency"))
	for _, line := range lines {
		old, size, proof := numbersAndHashes(line)
		err := tlog.CheckTree(tlog.TreeProof(proof), size, heads[size].root, old, heads[old].root)
		must(err, fmt.Sprintf("the consistency proof from %d to %d", old, size))
	}
	return len(lines)
}

func numbersAndHashes(line string) (int64, int64, []tlog.Hash) {
	parts := strings.Fields(line)
	first, err := strconv.ParseInt(parts[0], 10, 64)
	must(err, line)
	second, err := strconv.ParseInt(parts[1], 10, 64)
	must(err, line)
	var hashes []tlog.Hash
	for _, part := range parts[2:] {
		raw, err := base64.StdEncoding.DecodeString(part)
		must(err, line)
		if len(raw) != sha256.Size {
			refuse("A hash of a proof has another length: " + part)
		}
		var hash tlog.Hash
		copy(hash[:], raw)
		hashes = append(hashes, hash)
	}
	return first, second, hashes
}

func newestOf(heads map[int64]head) head {
	var sizes []int64
	for size := range heads {
		sizes = append(sizes, size)
	}
	sort.Slice(sizes, func(one, other int) bool { return sizes[one] < sizes[other] })
	return heads[sizes[len(sizes)-1]]
}

func linesOf(name string) []string {
	file, err := os.Open(name)
	must(err, name)
	defer file.Close()
	var lines []string
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 16*1024*1024)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	must(scanner.Err(), name)
	return lines
}

func must(err error, what string) {
	if err != nil {
		refuse(fmt.Sprintf("%s: %v", what, err))
	}
}

func refuse(sentence string) {
	fmt.Fprintln(os.Stderr, sentence)
	os.Exit(1)
}
