package lookup

import (
	"errors"
	"testing"
)

func TestOnlyWhatIsNotThereIsMissing(t *testing.T) {
	t.Parallel()
	for text, missing := range map[string]bool{
		"reading ECR Images: couldn't find resource":                                         true,
		"Your query returned no results. Please change your search criteria and try again.":  true,
		"operation error ECR: DescribeImages, RepositoryNotFoundException: The repository":   true,
		"operation error SSM: GetParameter, AccessDeniedException: not authorized":           false,
		"operation error ECR: DescribeImages, exceeded maximum number of attempts, 3: EOF":   false,
		"reading SSM Parameter (sample-app-version): operation error SSM: ParameterNotFound": true,
	} {
		if got := Missing(errors.New(text)); got != missing {
			t.Errorf("whether %q says that it is not there: %v", text, got)
		}
	}
}
