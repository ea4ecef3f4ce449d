package emulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
)

// scalingTarget is how requests to Application Auto Scaling name their action.
const scalingTarget = "AnyScaleFrontendService."

// serveTags answers for the tags of scalable targets, of which moto knows nothing: it
// takes them, fails when asked for them, and the provider asks for minutes. It tells
// whether the request was one of these.
func (p *proxy) serveTags(w http.ResponseWriter, r *http.Request, body []byte) bool {
	action, ours := strings.CutPrefix(r.Header.Get("X-Amz-Target"), scalingTarget)
	if !ours {
		return false
	}
	var asked struct {
		ResourceARN string
		Tags        map[string]string
		TagKeys     []string
	}
	if json.Unmarshal(body, &asked) != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	tags := p.tags[asked.ResourceARN]
	answer := map[string]any{}
	switch action {
	case "ListTagsForResource":
		answer["Tags"] = tags
	case "TagResource":
		p.tag(asked.ResourceARN, asked.Tags)
	case "UntagResource":
		for _, key := range asked.TagKeys {
			delete(tags, key)
		}
	default:
		return false
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(answer) // The client may have hung up.
	return true
}

// rememberTags keeps the tags that a scalable target was registered with.
func (p *proxy) rememberTags(asked request, answer []byte) error {
	var given struct{ Tags map[string]string }
	if err := json.Unmarshal(asked.body, &given); err != nil {
		return err
	}
	var made struct{ ScalableTargetARN string }
	if err := json.Unmarshal(answer, &made); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tag(made.ScalableTargetARN, given.Tags)
	return nil
}

func (p *proxy) tag(arn string, tags map[string]string) {
	if p.tags[arn] == nil {
		p.tags[arn] = map[string]string{}
	}
	maps.Copy(p.tags[arn], tags)
}
