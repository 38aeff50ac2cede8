package proton_test

func changeRules() []rule { return append(append(modeRules(), busyRules()...), endRules()...) }

// modeRules are about what an update takes.
func modeRules() []rule {
	return []rule{
		{"1.6.1", "With NONE nothing but the description changes, and at once.", "", `
ok UpdateEnvironment {"name":"prod","deploymentType":"NONE","description":"for people"}
see environment.description = for people | GetEnvironment {"name":"prod"}
see environment.deploymentStatus = SUCCEEDED | GetEnvironment {"name":"prod"}
no ValidationException | no spec and no version can be given | UpdateEnvironment {"name":"prod","deploymentType":"NONE","spec":"{proton: EnvironmentSpec, spec: {}}"}
no ValidationException | nothing but the description | UpdateEnvironment {"name":"prod","deploymentType":"NONE","protonServiceRoleArn":"$ROLE"}
no ValidationException | no spec and no version can be given | UpdateServicePipeline {"serviceName":"shop","deploymentType":"NONE","templateMajorVersion":"1","spec":"$SHOP"}`},
		{"1.6.2", "With CURRENT_VERSION the spec may change and no version is given.", "", `
ok UpdateEnvironment {"name":"prod","deploymentType":"CURRENT_VERSION","spec":"{proton: EnvironmentSpec, spec: {size: b}}"}
see environment.spec = ~size: b | GetEnvironment {"name":"prod"}
settle
no ValidationException | none can be given | UpdateEnvironment {"name":"prod","deploymentType":"CURRENT_VERSION","templateMajorVersion":"1","templateMinorVersion":"1"}`},
		{"1.6.3", "MINOR_VERSION leads to the recommended minor of the major, or to the one that is named, also a lower one.", "", `
ok UpdateEnvironment {"name":"prod","deploymentType":"MINOR_VERSION"}
settle
see environment.templateMinorVersion = 1 | GetEnvironment {"name":"prod"}
ok UpdateEnvironment {"name":"prod","deploymentType":"MINOR_VERSION","templateMinorVersion":"0"}
settle
see environment.templateMinorVersion = 0 | GetEnvironment {"name":"prod"}
no ValidationException | use MAJOR_VERSION to change it | UpdateEnvironment {"name":"prod","deploymentType":"MINOR_VERSION","templateMajorVersion":"2"}`},
		{"1.6.4", "MAJOR_VERSION leads to the recommended version, or to a higher major that is named.", "", `
no ValidationException | must become higher than 1 | UpdateEnvironment {"name":"prod","deploymentType":"MAJOR_VERSION","templateMajorVersion":"1"}
no ValidationException | templateMajorVersion beside it | UpdateEnvironment {"name":"prod","deploymentType":"MAJOR_VERSION","templateMinorVersion":"0"}
ok UpdateEnvironment {"name":"prod","deploymentType":"MAJOR_VERSION"}
settle
see environment.templateMajorVersion = 2 | GetEnvironment {"name":"prod"}`},
		{"1.6.5", "What is not given stays; what is given is checked.", "", `
ok UpdateEnvironment {"name":"prod","deploymentType":"CURRENT_VERSION","description":"new"}
see environment.spec = ~size: a | GetEnvironment {"name":"prod"}
settle
no ValidationException | size | UpdateEnvironment {"name":"prod","deploymentType":"CURRENT_VERSION","spec":"{proton: EnvironmentSpec, spec: {size: huge}}"}`},
		{"1.6.6", "CURRENT_VAL keeps the stored value, where there is one.", "", `
ok UpdateServiceInstance {"name":"eu","serviceName":"shop","deploymentType":"CURRENT_VERSION","spec":"{proton: ServiceSpec, instances: [{name: eu, environment: prod, spec: {size: b, note: '${Proton::CURRENT_VAL}'}}]}"}
see serviceInstance.spec = ~note: "first" | GetServiceInstance {"name":"eu","serviceName":"shop"}
settle
no ValidationException | CURRENT_VAL | UpdateServicePipeline {"serviceName":"shop","deploymentType":"CURRENT_VERSION","spec":"{proton: ServiceSpec, pipeline: {note: '${Proton::CURRENT_VAL}'}, instances: []}"}`},
		{"1.6.7", "UpdateServiceInstance takes its own instance out of a whole ServiceSpec and leaves the others.", "The pipeline follows when what it renders changes; AWS left it alone.", `
ok UpdateServiceInstance {"name":"eu","serviceName":"shop","deploymentType":"CURRENT_VERSION","spec":"{proton: ServiceSpec, pipeline: {size: b}, instances: [{name: eu, environment: prod, spec: {note: second}}, {name: us, environment: prod, spec: {note: second}}]}"}
see serviceInstance.spec = ~note: second | GetServiceInstance {"name":"eu","serviceName":"shop"}
see serviceInstance.spec = ~note: first | GetServiceInstance {"name":"us","serviceName":"shop"}
see service.pipeline.spec = ~size: a | GetService {"name":"shop"}
settle
no ValidationException | has no instance named us | UpdateServiceInstance {"name":"us","serviceName":"shop","deploymentType":"CURRENT_VERSION","spec":"$LESS"}`},
		{"1.6.8", "UpdateServicePipeline takes the pipeline out of a whole ServiceSpec and leaves the instances.", "", `
ok UpdateServicePipeline {"serviceName":"shop","deploymentType":"CURRENT_VERSION","spec":"{proton: ServiceSpec, pipeline: {size: b}, instances: [{name: eu, environment: prod, spec: {note: second}}]}"}
see service.pipeline.spec = ~size: b | GetService {"name":"shop"}
see serviceInstance.spec = ~note: first | GetServiceInstance {"name":"eu","serviceName":"shop"}
settle
no ValidationException | ServiceSpec | UpdateServicePipeline {"serviceName":"shop","deploymentType":"CURRENT_VERSION","spec":"{proton: EnvironmentSpec, spec: {}}"}`},
		{"1.6.9", "UpdateService changes the description or the spec and knows no deploymentType.", "", `
ok UpdateService {"name":"shop","description":"for people"}
see service.description = for people | GetService {"name":"shop"}
no ValidationException | 'deploymentType' is no member here | UpdateService {"name":"shop","deploymentType":"CURRENT_VERSION"}`},
	}
}

// busyRules are about what keeps a change from being taken.
func busyRules() []rule {
	const one = `{"name":"eu","serviceName":"shop","deploymentType":"CURRENT_VERSION"}`
	const attach = `
ok CreateComponent {"name":"queue","manifest":"$MANIFEST","templateFile":"$BODY","serviceName":"shop","serviceInstanceName":"eu","serviceSpec":"$SHOP"}
settle
`
	return []rule{
		{"1.6.10", "An environment that is changing takes no change.", "", `
ok UpdateEnvironment {"name":"prod","deploymentType":"CURRENT_VERSION"}
no ConflictException | wait until that has ended | UpdateEnvironment {"name":"prod","deploymentType":"CURRENT_VERSION"}
is IN_PROGRESS environment/next
no ConflictException | is IN_PROGRESS; wait | UpdateEnvironment {"name":"next","deploymentType":"CURRENT_VERSION"}`},
		{"1.6.11", "An instance that is changing takes no change; a sister does.", "", `
is IN_PROGRESS service/shop/service-instance/eu
no ConflictException | wait until that has ended | UpdateServiceInstance ` + one + `
ok UpdateServiceInstance {"name":"us","serviceName":"shop","deploymentType":"CURRENT_VERSION"}`},
		{"1.6.12", "A pipeline that is changing takes no change.", "", `
ok UpdateServicePipeline {"serviceName":"shop","deploymentType":"CURRENT_VERSION","spec":"$SHOP"}
no ConflictException | wait until that has ended | UpdateServicePipeline {"serviceName":"shop","deploymentType":"CURRENT_VERSION","spec":"$SHOP"}`},
		{"1.6.13", "A component that is changing takes no change.", "", attach + `
ok UpdateComponent {"name":"queue","deploymentType":"CURRENT_VERSION"}
no ConflictException | wait until that has ended | UpdateComponent {"name":"queue","deploymentType":"CURRENT_VERSION"}`},
		{"1.6.14", "An instance and its component wait for one another.", "", attach + `
is IN_PROGRESS component/queue
no ConflictException | component/queue is IN_PROGRESS; wait | UpdateServiceInstance ` + one + `
settle
is IN_PROGRESS service/shop/service-instance/eu
no ConflictException | service-instance/eu is IN_PROGRESS; wait | UpdateComponent {"name":"queue","deploymentType":"CURRENT_VERSION"}
settle
ok UpdateComponent {"name":"queue","deploymentType":"CURRENT_VERSION"}`},
		{"1.6.15", "UpdateService waits for the pipeline and for every instance.", "", `
is IN_PROGRESS service/shop/pipeline
no ConflictException | service/shop/pipeline is IN_PROGRESS; wait | UpdateService {"name":"shop","spec":"$MORE"}
settle
ok UpdateService {"name":"shop","spec":"$MORE"}
see serviceInstance.environmentName = prod | GetServiceInstance {"name":"asia","serviceName":"shop"}`},
		{"1.6.16", "CreateService makes all instances and the pipeline, in environments that are deployed.", "Environments must have been deployed once.", `
ok CreateService {"name":"other","templateName":"web","templateMajorVersion":"1",$REPO,"spec":"$SHOP"}
see service.status = CREATE_IN_PROGRESS | GetService {"name":"other"}
see service.pipeline.deploymentStatus = IN_PROGRESS | GetService {"name":"other"}
see serviceInstances.#1.name = us | ListServiceInstances {"serviceName":"other"}
ok CreateEnvironment {"name":"dev",` + mine + `}
no ValidationException | and not deployed | CreateService {"name":"third","templateName":"web","templateMajorVersion":"1",$REPO,"spec":"{proton: ServiceSpec, pipeline: {}, instances: [{name: one, environment: dev, spec: {}}]}"}`},
		{"1.6.17", "UpdateService does not change the inputs of the pipeline.", "", `
no ValidationException | use UpdateServicePipeline | UpdateService {"name":"shop","spec":"{proton: ServiceSpec, pipeline: {size: b}, instances: [$INSTANCE]}"}
ok UpdateService {"name":"shop","spec":"$LESS"}
see service.status = UPDATE_IN_PROGRESS | GetService {"name":"shop"}`},
		{"1.6.18", "UpdateService does not change the inputs of instances that stay.", "", `
no ValidationException | use UpdateServiceInstance to change eu | UpdateService {"name":"shop","spec":"{proton: ServiceSpec, pipeline: {size: a}, instances: [{name: eu, environment: prod, spec: {size: b}}]}"}
ok UpdateService {"name":"shop","spec":"$MORE"}`},
		{"1.6.19", "An instance with a component is not removed.", "", attach + `
no ConflictException | detach that first | UpdateService {"name":"shop","spec":"{proton: ServiceSpec, pipeline: {size: a}, instances: [{name: us, environment: prod, spec: {size: a, note: first}}]}"}
ok UpdateService {"name":"shop","spec":"$LESS"}`},
		{"1.6.20", "A service keeps at least one instance.", "", `
no ValidationException | use DeleteService to delete the service | UpdateService {"name":"shop","spec":"{proton: ServiceSpec, pipeline: {size: a}, instances: []}"}
ok UpdateService {"name":"shop","spec":"$LESS"}
see serviceInstance.deploymentStatus = DELETE_IN_PROGRESS | GetServiceInstance {"name":"us","serviceName":"shop"}`},
		{"1.6.21", "An instance whose removal failed counts as there, and is removed again by the next update.", "", `
ok UpdateService {"name":"shop","spec":"$LESS"}
settle
is DELETE_FAILED service/shop/service-instance/us
see serviceInstance.deploymentStatus = DELETE_FAILED | GetServiceInstance {"name":"us","serviceName":"shop"}
no ConflictException | exists already | CreateServiceInstance {"name":"us","serviceName":"shop","spec":"$SHOP"}
ok UpdateService {"name":"shop","spec":"$LESS"}
see serviceInstance.deploymentStatus = DELETE_IN_PROGRESS | GetServiceInstance {"name":"us","serviceName":"shop"}`},
		{"1.6.22", "While a service is updated it takes no further update.", "", `
ok UpdateService {"name":"shop","spec":"$MORE"}
see service.status = UPDATE_IN_PROGRESS | GetService {"name":"shop"}
no ConflictException | wait until that has ended | UpdateService {"name":"shop","spec":"$SHOP"}
settle
see service.status = ACTIVE | GetService {"name":"shop"}
ok UpdateService {"name":"shop","spec":"$SHOP"}`},
		{"1.6.23", "A new instance that fails is deprovisioned with all that came with it, and the spec set back.",
			"A failed creation is not cleaned up by itself.", `
ok UpdateService {"name":"shop","spec":"$MORE"}
settle
is FAILED service/shop/service-instance/asia
see serviceInstance.deploymentStatus = FAILED | GetServiceInstance {"name":"asia","serviceName":"shop"}
see service.spec = ~asia | GetService {"name":"shop"}
no ValidationException | use UpdateServiceInstance to change asia | UpdateService {"name":"shop","spec":"{proton: ServiceSpec, pipeline: {size: a}, instances: [$INSTANCE, {name: asia, environment: prod, spec: {size: b}}]}"}
ok UpdateService {"name":"shop","spec":"$SHOP"}
see serviceInstance.deploymentStatus = DELETE_IN_PROGRESS | GetServiceInstance {"name":"asia","serviceName":"shop"}`},
	}
}

// endRules are about cancelling and deleting.
func endRules() []rule {
	const attach = `
ok CreateComponent {"name":"queue","manifest":"$MANIFEST","templateFile":"$BODY","serviceName":"shop","serviceInstanceName":"eu","serviceSpec":"$SHOP"}
settle
`
	return []rule{
		{"1.6.24", "What is under way can be cancelled, and nothing else.", "A creation can be cancelled too.", `
no ConflictException | environment/prod | CancelEnvironmentDeployment {"environmentName":"prod"}
is IN_PROGRESS environment/prod
ok CancelEnvironmentDeployment {"environmentName":"prod"}
see environment.deploymentStatus = CANCELLING | GetEnvironment {"name":"prod"}`},
		{"1.6.25", "What is cancelling takes no change; what was cancelled does.", "", `
is IN_PROGRESS service/shop/service-instance/eu
ok CancelServiceInstanceDeployment {"serviceName":"shop","serviceInstanceName":"eu"}
no ConflictException | is CANCELLING; wait | UpdateServiceInstance {"name":"eu","serviceName":"shop","deploymentType":"CURRENT_VERSION"}`},
		{"1.6.26", "An environment in which something runs is not deleted.", "", `
no ConflictException | delete that first | DeleteEnvironment {"name":"prod"}
ok DeleteEnvironment {"name":"next"}
see environment.deploymentStatus = DELETE_IN_PROGRESS | GetEnvironment {"name":"next"}`},
		{"1.6.27", "A service to which a component is attached is not deleted; without one all of it goes.", "", attach + `
no ConflictException | detach that first | DeleteService {"name":"shop"}
ok UpdateComponent {"name":"queue","deploymentType":"CURRENT_VERSION","serviceName":"","serviceInstanceName":""}
settle
ok DeleteService {"name":"shop"}
see serviceInstance.deploymentStatus = DELETE_IN_PROGRESS | GetServiceInstance {"name":"us","serviceName":"shop"}
see service.pipeline.deploymentStatus = DELETE_IN_PROGRESS | GetService {"name":"shop"}`},
		{"1.6.28", "A component is detached before it is deleted.", "", attach + `
no ConflictException | detach it first | DeleteComponent {"name":"queue"}
ok UpdateComponent {"name":"queue","deploymentType":"CURRENT_VERSION","serviceName":"","serviceInstanceName":""}
settle
ok DeleteComponent {"name":"queue"}
see component.deploymentStatus = DELETE_IN_PROGRESS | GetComponent {"name":"queue"}`},
		{"1.6.29", "A repository that something refers to stays linked.", "", `
ok CreateRepository {$LINK,$CONNECTION}
ok CreateEnvironment {"name":"dev",` + mine + `,"provisioningRepository":{$LINK,"branch":"main"}}
no ConflictException | is used by environment/dev | DeleteRepository {$LINK}
ok CreateRepository {"provider":"GITHUB","name":"acme/other",$CONNECTION}
ok DeleteRepository {"provider":"GITHUB","name":"acme/other"}`},
		{"1.6.30", "A deletion that failed can be asked for again; one under way is left alone.", "", `
ok DeleteEnvironment {"name":"next"}
ok DeleteEnvironment {"name":"next"}
is DELETE_FAILED environment/next
see environment.deploymentStatus = DELETE_FAILED | GetEnvironment {"name":"next"}
ok DeleteEnvironment {"name":"next"}
see environment.deploymentStatus = DELETE_IN_PROGRESS | GetEnvironment {"name":"next"}
no ConflictException | is DELETE_IN_PROGRESS; wait | UpdateEnvironment {"name":"next","deploymentType":"CURRENT_VERSION"}`},
		{"1.6.31", "Nothing new begins in what is being deleted.", "", `
ok DeleteService {"name":"shop"}
no ConflictException | is being deleted | CreateServiceInstance {"name":"asia","serviceName":"shop","spec":"$MORE"}
no ConflictException | is being deleted | UpdateService {"name":"shop","spec":"$MORE"}`},
	}
}
