package emulator

import (
	"encoding/json"
	"maps"
	"net/http"
)

// serveTags answers for the tags of scalable targets, of which moto knows nothing: it
// takes them, fails when asked for them, and the provider asks for minutes. It tells
// whether the request was one of these.
func (p *proxy) serveTags(w http.ResponseWriter, action string, body []byte) bool {
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
	case "scaling:ListTagsForResource":
		answer["Tags"] = tags
	case "scaling:TagResource":
		p.tag(asked.ResourceARN, asked.Tags)
	case "scaling:UntagResource":
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
