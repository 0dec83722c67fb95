package v1alpha1

// Workloads that run the image, or last ran it and still exist.
type Workloads struct {
	// total of them, those that are not in items too.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Total int32 `json:"total"`
	// items are as many of them as the object has room for.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	Items []Workload `json:"items,omitempty"`
}

// WorkloadState says whether a workload runs the image now.
//
// +kubebuilder:validation:Enum=Running;Idle
type WorkloadState string

const (
	WorkloadRunning WorkloadState = "Running"
	WorkloadIdle    WorkloadState = "Idle"
)

// Workload that runs the image.
type Workload struct {
	// group of the workload's kind. Absent: the core group.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`
	// kind of the workload.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Kind string `json:"kind"`
	// name of the workload.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// state says whether it runs the image now.
	//
	// +required
	State WorkloadState `json:"state"`
	// containers that use the image.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	Containers []WorkloadContainer `json:"containers,omitempty"`
}

// ContainerType says where in a pod an image is used.
//
// +kubebuilder:validation:Enum=Container;Init;Ephemeral;Volume
type ContainerType string

const (
	ContainerTypeContainer ContainerType = "Container"
	ContainerTypeInit      ContainerType = "Init"
	ContainerTypeEphemeral ContainerType = "Ephemeral"
	ContainerTypeVolume    ContainerType = "Volume"
)

// WorkloadContainer is a container or an image volume of a workload.
type WorkloadContainer struct {
	// name of the container or volume.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// type says where in the pod it is.
	//
	// +required
	Type ContainerType `json:"type"`
}
