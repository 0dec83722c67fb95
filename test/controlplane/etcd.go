package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// EtcdBytes compacts and defragments etcd, and returns how large its database then is.
func (c *Cluster) EtcdBytes(ctx context.Context) (int64, error) {
	var status struct {
		Header struct {
			Revision string `json:"revision"`
		} `json:"header"`
		Size int64 `json:"dbSize,string"`
	}
	if err := c.etcdCall(ctx, "maintenance/status", struct{}{}, &status); err != nil {
		return 0, err
	}
	compaction := map[string]any{"revision": status.Header.Revision, "physical": true}
	if err := c.etcdCall(ctx, "kv/compaction", compaction, nil); err != nil {
		return 0, err
	}
	if err := c.etcdCall(ctx, "maintenance/defragment", struct{}{}, nil); err != nil {
		return 0, err
	}
	if err := c.etcdCall(ctx, "maintenance/status", struct{}{}, &status); err != nil {
		return 0, err
	}
	return status.Size, nil
}

// etcdCall uses etcd's JSON gateway: its Go client would tie the tests to etcd's own dependencies.
func (c *Cluster) etcdCall(ctx context.Context, method string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("call etcd's %s: %w", method, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.etcd+"/v3/"+method, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("call etcd's %s: %w", method, err)
	}
	response, err := c.prober.Do(request)
	if err != nil {
		return fmt.Errorf("call etcd's %s: %w", method, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("call etcd's %s: %s", method, response.Status)
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return fmt.Errorf("read etcd's answer to %s: %w", method, err)
	}
	return nil
}
