// Package pages reads what README.md and the other pages tell people to type, and
// what they show of the answers, so that tests can do the same and compare.
package pages

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// patterns are where the pages are, from the repository's root.
var patterns = []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "*/README.md", "docs/*.md"}

// Page is one page of the documentation.
type Page struct {
	// File is its path from the repository's root, and Text what is in it.
	File, Text string
	// Examples are the blocks of code, and the code in sentences, as they follow each
	// other.
	Examples []Example
}

// Example is a block of code, or code in a sentence.
type Example struct {
	// Where is the place, as FILE:LINE.
	Where string
	// Section is the heading above it.
	Section string
	// Language is that of a block, and empty for code in a sentence.
	Language string
	// Text is what stands there, the lines of a block each with its end.
	Text string
}

// Read reads all pages of the repository with this root.
func Read(root string) ([]Page, error) {
	var all []Page
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			name, err := filepath.Rel(root, file)
			if err != nil {
				return nil, err
			}
			page, err := parse(filepath.ToSlash(name), string(text))
			if err != nil {
				return nil, err
			}
			all = append(all, page)
		}
	}
	return all, nil
}

var (
	fence = regexp.MustCompile("^ *(```+|~~~+)(.*)$")
	code  = regexp.MustCompile("`([^`]+)`")
)

func parse(file, text string) (Page, error) {
	page := Page{File: file, Text: text}
	section, open := "", ""
	number := 0
	for line := range strings.Lines(text) {
		number++
		where := fmt.Sprintf("%s:%d", file, number)
		mark := fence.FindStringSubmatch(strings.TrimRight(line, "\n"))
		switch {
		case open == "" && mark != nil:
			open = mark[1]
			page.Examples = append(page.Examples, Example{Where: where, Section: section, Language: strings.TrimSpace(mark[2])})
			if page.Examples[len(page.Examples)-1].Language == "" {
				return page, fmt.Errorf("%s: a block without a language: nobody can tell whether it is typed or shown", where)
			}
		case open != "" && mark != nil && strings.HasPrefix(mark[1], open) && strings.TrimSpace(mark[2]) == "":
			open = ""
		case open != "":
			page.Examples[len(page.Examples)-1].Text += line
		case strings.HasPrefix(line, "#"):
			section = strings.TrimSpace(strings.TrimLeft(line, "#"))
		default:
			for _, found := range code.FindAllStringSubmatch(line, -1) {
				page.Examples = append(page.Examples, Example{Where: where, Section: section, Text: found[1]})
			}
		}
	}
	if open != "" {
		return page, fmt.Errorf("%s: the last block has no end", file)
	}
	return page, nil
}

const prompt = "$ "

// Commands are what is typed, as a script: the lines behind the prompt, and code in a
// sentence as a whole.
func (e Example) Commands() string {
	switch e.Language {
	case "":
		return e.Text
	case "console":
		var script strings.Builder
		for line := range strings.Lines(e.Text) {
			if command, typed := strings.CutPrefix(line, prompt); typed {
				script.WriteString(command)
			}
		}
		return script.String()
	default:
		return ""
	}
}

// Output is what a block shows after a command, up to the next command. There is none
// for a command that is not in the block.
func (e Example) Output(command string) string {
	_, rest, _ := strings.Cut(e.Text, prompt+command+"\n")
	rest, _, _ = strings.Cut("\n"+rest, "\n"+prompt)
	return strings.Trim(rest, "\n")
}

// Find is the first block that is about a command, on one of the pages.
func Find(all []Page, command string) (Example, error) {
	for _, page := range all {
		for _, example := range page.Examples {
			if example.Output(command) != "" {
				return example, nil
			}
		}
	}
	return Example{}, fmt.Errorf("no page shows what %q prints", command)
}
