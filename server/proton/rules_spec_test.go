package proton_test

const shopOf = `"templateName":"web","templateMajorVersion":"1",$REPO`

func specRules() []rule {
	return []rule{
		{"5.1", "The key proton says what a spec is of.", "", `
ok UpdateEnvironment {"name":"prod","deploymentType":"CURRENT_VERSION","spec":"{spec: {}, proton: 'EnvironmentSpec'}"}
settle
no ValidationException | EnvironmentSpec | UpdateEnvironment {"name":"prod","deploymentType":"CURRENT_VERSION","spec":"$SHOP"}`},
		{"5.2", "An instance runs in an environment that is there and was deployed.", "", `
no ValidationException | which does not exist | CreateService {"name":"other",` + shopOf + `,"spec":"{proton: ServiceSpec, pipeline: {}, instances: [{name: eu, environment: none, spec: {}}]}"}
ok CreateService {"name":"other",` + shopOf + `,"spec":"$SHOP"}`},
		{"5.3", "An instance stays in its environment.", "", `
no ValidationException | give the instance in the other environment another name | UpdateServiceInstance {"name":"eu","serviceName":"shop","deploymentType":"CURRENT_VERSION","spec":"{proton: ServiceSpec, instances: [{name: eu, environment: next, spec: {}}]}"}
ok UpdateService {"name":"shop","spec":"{proton: ServiceSpec, pipeline: {size: a}, instances: [$INSTANCE, {name: far, environment: next, spec: {}}]}"}
see serviceInstance.environmentName = next | GetServiceInstance {"name":"far","serviceName":"shop"}`},
		{"5.4", "CreateService needs at least one instance, and takes at most 20.", "", `
no ValidationException | at least one instance | CreateService {"name":"other",` + shopOf + `,"spec":"{proton: ServiceSpec, pipeline: {}, instances: []}"}
no ServiceQuotaExceededException | would have 21 instances, and the quota is 20 | CreateService {"name":"other",` + shopOf + `,"spec":"$MANY"}
ok CreateService {"name":"other",` + shopOf + `,"spec":"$SHOP"}`},
		{"5.5", "The pipeline may be empty, and left out where everything in it has a default.", "", `
ok CreateService {"name":"other",` + shopOf + `,"spec":"{proton: ServiceSpec, instances: [{name: eu, environment: prod}]}"}
ok CreateService {"name":"third",` + shopOf + `,"spec":"{proton: ServiceSpec, pipeline: {}, instances: [$INSTANCE]}"}
no ValidationException | size | CreateService {"name":"bad",` + shopOf + `,"spec":"{proton: ServiceSpec, pipeline: {size: huge}, instances: [$INSTANCE]}"}`},
		{"5.6", "A spec has at most 51,200 bytes.", "", `
ok UpdateEnvironment {"name":"prod","deploymentType":"CURRENT_VERSION","spec":"{proton: EnvironmentSpec, spec: {note: ok}}"}
settle
no ValidationException | 51200 | UpdateEnvironment {"name":"prod","deploymentType":"CURRENT_VERSION","spec":"$K51"}`},
		{"5.7", "A spec is one YAML document.", "", `
ok UpdateEnvironment {"name":"prod","deploymentType":"CURRENT_VERSION","spec":"# mine\nproton: EnvironmentSpec\nspec: {}\n"}
see environment.spec = ~# mine | GetEnvironment {"name":"prod"}
settle
no ValidationException | remove the line --- | UpdateEnvironment {"name":"prod","deploymentType":"CURRENT_VERSION","spec":"proton: EnvironmentSpec\nspec: {}\n---\nproton: EnvironmentSpec\nspec: {}\n"}`},
		{"5.8", "What comes back is what was given; of an instance it is a ServiceSpec with that one and no pipeline.", "", `
ok CreateService {"name":"other",` + shopOf + `,"spec":"$SHOP"}
see service.spec = $SHOP | GetService {"name":"other"}
see serviceInstance.spec = ~{proton: ServiceSpec, instances: [$INSTANCE]} | GetServiceInstance {"name":"eu","serviceName":"shop"}
no ResourceNotFoundException | other | GetServiceInstance {"name":"asia","serviceName":"other"}`},
	}
}

func gitRules() []rule {
	const link = `
ok CreateRepository {$LINK,$CONNECTION}
`
	const service = `"serviceName":"shop",$SYNC,"filePath":"proton-ops.yaml"`
	return []rule{
		{"6.1", "There is one link of a repository.", "", link + `
ok CreateRepository {$LINK,$CONNECTION}
see repository.arn = $ARNrepository/github:acme/platform | GetRepository {$LINK}
no ConflictException | linked already | CreateRepository {$LINK,"connectionArn":"arn:aws:codestar-connections:us-east-1:000000000000:connection/2"}`},
		{"6.2", "Template sync is of a template that is there and of a linked repository.", "", `
no ResourceNotFoundException | CreateRepository first | CreateTemplateSyncConfig {"templateName":"net","templateType":"ENVIRONMENT",$SYNC}
` + link + `
no ResourceNotFoundException | none | CreateTemplateSyncConfig {"templateName":"none","templateType":"ENVIRONMENT",$SYNC}
ok CreateTemplateSyncConfig {"templateName":"net","templateType":"ENVIRONMENT",$SYNC}
see templateSyncConfig.branch = main | GetTemplateSyncConfig {"templateName":"net","templateType":"ENVIRONMENT"}`},
		{"6.3", "A template has one sync configuration; another one is an update.", "", link + `
ok CreateTemplateSyncConfig {"templateName":"net","templateType":"ENVIRONMENT",$SYNC}
no ConflictException | update that one | CreateTemplateSyncConfig {"templateName":"net","templateType":"ENVIRONMENT",$SYNC,"subdirectory":"templates"}
ok UpdateTemplateSyncConfig {"templateName":"net","templateType":"ENVIRONMENT",$SYNC,"subdirectory":"templates"}
see templateSyncConfig.subdirectory = templates | GetTemplateSyncConfig {"templateName":"net","templateType":"ENVIRONMENT"}`},
		{"6.4", "A sync is ended by deleting its configuration.", "", link + `
ok CreateServiceSyncConfig {` + service + `}
no ConflictException | sync configuration of shop | DeleteRepository {$LINK}
ok DeleteServiceSyncConfig {"serviceName":"shop"}
no ResourceNotFoundException | a sync configuration of service shop | GetServiceSyncConfig {"serviceName":"shop"}
ok DeleteRepository {$LINK}`},
		{"6.5", "Service sync reads an ops file inside the repository.", "The service must exist.", link + `
no ValidationException | write a path from its root | CreateServiceSyncConfig {"serviceName":"shop",$SYNC,"filePath":"../proton-ops.yaml"}
no ResourceNotFoundException | none | CreateServiceSyncConfig {"serviceName":"none",$SYNC,"filePath":"proton-ops.yaml"}
ok CreateServiceSyncConfig {` + service + `}
see serviceSyncConfig.filePath = proton-ops.yaml | GetServiceSyncConfig {"serviceName":"shop"}`},
		{"6.6", "A repository tells what it is read for.", "", link + `
ok CreateServiceSyncConfig {` + service + `}
see syncDefinitions.#0.target = service/shop | ListRepositorySyncDefinitions {$SYNCED,"syncType":"SERVICE_SYNC"}
no ResourceNotFoundException | no TEMPLATE_SYNC configuration | GetRepositorySyncStatus {$SYNC,"syncType":"TEMPLATE_SYNC"}`},
	}
}

func componentRules() []rule {
	const files = `"manifest":"$MANIFEST","templateFile":"$BODY"`
	const attach = `
ok CreateComponent {"name":"queue",` + files + `,"serviceName":"shop","serviceInstanceName":"eu","serviceSpec":"$SHOP"}
settle
`
	return []rule{
		{"7.1", "A component is attached with the names of both a service and an instance, or with none.", "", `
no ValidationException | go together | CreateComponent {"name":"queue",` + files + `,"environmentName":"prod","serviceName":"shop"}
ok CreateComponent {"name":"queue",` + files + `,"serviceName":"shop","serviceInstanceName":"eu","serviceSpec":"$SHOP"}
see component.environmentName = prod | GetComponent {"name":"queue"}`},
		{"7.2", "One that is not attached needs an environment.", "", `
no ValidationException | environmentName is needed | CreateComponent {"name":"queue",` + files + `}
ok CreateComponent {"name":"queue",` + files + `,"environmentName":"prod"}
see component.environmentName = prod | GetComponent {"name":"queue"}`},
		{"7.3", "One that is not attached has no serviceSpec.", "", `
no ValidationException | only a component that is attached | CreateComponent {"name":"queue",` + files + `,"environmentName":"prod","serviceSpec":"$SHOP"}
ok CreateComponent {"name":"queue",` + files + `,"environmentName":"prod"}`},
		{"7.4", "It runs in the environment of its instance.", "", `
no ValidationException | is in the environment prod, not in next | CreateComponent {"name":"queue",` + files + `,"environmentName":"next","serviceName":"shop","serviceInstanceName":"eu","serviceSpec":"$SHOP"}
ok CreateComponent {"name":"queue",` + files + `,"environmentName":"prod","serviceName":"shop","serviceInstanceName":"eu","serviceSpec":"$SHOP"}`},
		{"7.5", "It attaches to an instance that is not changing.", "", `
is IN_PROGRESS service/shop/service-instance/eu
no ConflictException | wait until that has ended | CreateComponent {"name":"queue",` + files + `,"serviceName":"shop","serviceInstanceName":"eu","serviceSpec":"$SHOP"}
ok CreateComponent {"name":"queue",` + files + `,"serviceName":"shop","serviceInstanceName":"us","serviceSpec":"$SHOP"}`},
		{"7.6", "An instance has one component.", "", attach + `
no ConflictException | has the component queue already; detach that first | CreateComponent {"name":"topic",` + files + `,"serviceName":"shop","serviceInstanceName":"eu","serviceSpec":"$SHOP"}
ok CreateComponent {"name":"topic",` + files + `,"serviceName":"shop","serviceInstanceName":"us","serviceSpec":"$SHOP"}`},
		{"7.7", "It moves to another instance by being detached first, which two empty names do.", "", attach + `
no ConflictException | detach it first | UpdateComponent {"name":"queue","deploymentType":"CURRENT_VERSION","serviceName":"shop","serviceInstanceName":"us"}
no ValidationException | both are empty to detach | UpdateComponent {"name":"queue","deploymentType":"CURRENT_VERSION","serviceName":"","serviceInstanceName":"us"}
ok UpdateComponent {"name":"queue","deploymentType":"CURRENT_VERSION","serviceName":"","serviceInstanceName":""}
see component.serviceInstanceName = <nil> | GetComponent {"name":"queue"}
settle
ok UpdateComponent {"name":"queue","deploymentType":"CURRENT_VERSION","serviceName":"shop","serviceInstanceName":"us","serviceSpec":"$SHOP"}
see component.serviceInstanceName = us | GetComponent {"name":"queue"}`},
		{"7.8", "With NONE the description changes alone.", "", attach + `
ok UpdateComponent {"name":"queue","deploymentType":"NONE","description":"for people"}
see component.description = for people | GetComponent {"name":"queue"}
no ValidationException | nothing but the description | UpdateComponent {"name":"queue","deploymentType":"NONE","templateFile":"$BODY"}`},
		{"7.9", "A component runs no commands.", "A manifest may say `codebuild` where the configuration says api_commands.", `
no ValidationException | write it for jinja or hcl | CreateComponent {"name":"queue","environmentName":"prod","manifest":"infrastructure: {templates: [{rendering_engine: codebuild, settings: {provision: [echo], deprovision: [echo]}}]}","templateFile":"$BODY"}
ok CreateComponent {"name":"queue","environmentName":"prod",` + files + `}`},
		{"7.10", "Its deployment leaves the instance alone.", "", attach + `
keep BEFORE = serviceInstance.lastAttemptedDeploymentId | GetServiceInstance {"name":"eu","serviceName":"shop"}
ok UpdateComponent {"name":"queue","deploymentType":"CURRENT_VERSION"}
settle
see serviceInstance.lastAttemptedDeploymentId = $BEFORE | GetServiceInstance {"name":"eu","serviceName":"shop"}
see serviceInstance.deploymentStatus = SUCCEEDED | GetServiceInstance {"name":"eu","serviceName":"shop"}
no ResourceNotFoundException | none | UpdateComponent {"name":"none","deploymentType":"CURRENT_VERSION"}`},
	}
}

func protocolRules() []rule {
	const made = `"templateName":"net","source":{"s3":{"bucket":"bundles","key":"k"}},"clientToken":"t"`
	return []rule{
		{"8.1", "The same request with the same client token counts once; other members with it are refused.", "", `
ok CreateEnvironmentTemplateVersion {` + made + `}
ok CreateEnvironmentTemplateVersion {` + made + `}
no ResourceNotFoundException | 4.0 | GetEnvironmentTemplateVersion {"templateName":"net","majorVersion":"4","minorVersion":"0"}
no ValidationException | IdempotentParameterMismatch | CreateEnvironmentTemplateVersion {"description":"other",` + made + `}`},
		{"8.2", "The same creation again answers what it made, also of a template.", "", `
ok CreateEnvironmentTemplate {"name":"made","description":"first"}
ok CreateEnvironmentTemplate {"name":"made","description":"first"}
no ValidationException | IdempotentParameterMismatch | CreateEnvironmentTemplate {"name":"made","description":"second"}
ok CreateService {"name":"other",` + shopOf + `,"spec":"$SHOP"}
ok CreateService {"name":"other",` + shopOf + `,"spec":"$SHOP"}
no ValidationException | IdempotentParameterMismatch | CreateService {"name":"other",` + shopOf + `,"spec":"$LESS"}`},
		{"8.3", "The same creation after a change of what it made is refused.", "", `
ok CreateEnvironmentTemplate {"name":"made","description":"first"}
ok UpdateEnvironmentTemplate {"name":"made","description":"second"}
no ConflictException | has been changed since it was made | CreateEnvironmentTemplate {"name":"made","description":"first"}
ok CreateEnvironment {"name":"dev",` + mine + `}
settle
ok UpdateEnvironment {"name":"dev","deploymentType":"CURRENT_VERSION","spec":"{proton: EnvironmentSpec, spec: {size: b}}"}
no ConflictException | has been changed since it was made | CreateEnvironment {"name":"dev",` + mine + `}`},
		{"8.4", "To delete what is not there succeeds and answers nothing; to read it does not.", "", `
ok DeleteEnvironment {"name":"none"}
ok DeleteService {"name":"none"}
ok DeleteComponent {"name":"none"}
ok DeleteEnvironmentTemplate {"name":"none"}
ok DeleteRepository {$LINK}
no ResourceNotFoundException | environment/none | GetEnvironment {"name":"none"}`},
		{"8.5", "Tokens of lists are opaque, and of one list.", "", `
ok ListServiceInstances {"maxResults":1}
keep TOKEN = nextToken | ListServiceInstances {"maxResults":1}
see serviceInstances.#0.name = us | ListServiceInstances {"maxResults":1,"nextToken":"$TOKEN"}
no ValidationException | not of this list | ListServices {"nextToken":"$TOKEN"}`},
		{"8.6", "Deployments are found by the names of what they are of; an instance is named with its service.", "", `
ok ListDeployments {"serviceName":"shop","serviceInstanceName":"eu"}
see deployments.#0.serviceInstanceName = eu | ListDeployments {"serviceName":"shop","serviceInstanceName":"eu"}
no ValidationException | needs serviceName beside it | ListDeployments {"serviceInstanceName":"eu"}`},
		{"8.7", "A deployment that is under way is reported on, one that has ended is not.", "A report on a deployment that has ended is a ConflictException, unless it says the same again.", `
no ConflictException | environment/prod | NotifyResourceDeploymentStatusChange {"resourceArn":"$ARNenvironment/prod","status":"FAILED"}
is IN_PROGRESS environment/prod
ok NotifyResourceDeploymentStatusChange {"resourceArn":"$ARNenvironment/prod","status":"IN_PROGRESS","outputs":[{"key":"A","valueString":"1"}]}`},
		{"8.8", "People's tags are at most 50, none begins with aws:, and instances made with a service have its own.", "", `
ok CreateService {"name":"other",` + shopOf + `,"spec":"$SHOP","tags":[{"key":"team","value":"a"}]}
see tags = ~team | ListTagsForResource {"resourceArn":"$ARNservice/other/service-instance/us"}
no ValidationException | reserved | TagResource {"resourceArn":"$ARNservice/other","tags":[{"key":"aws:x","value":"1"}]}`},
		{"8.9", "What is made with tags has them, and none that are reserved or given twice.", "", `
ok CreateRepository {$LINK,$CONNECTION,"tags":[{"key":"team","value":"a"}]}
see tags.#0.value = a | ListTagsForResource {"resourceArn":"$ARNrepository/github:acme/platform"}
no ValidationException | reserved | CreateRepository {"provider":"GITHUB","name":"acme/other",$CONNECTION,"tags":[{"key":"aws:x","value":"1"}]}
no ResourceNotFoundException | acme/other | GetRepository {"provider":"GITHUB","name":"acme/other"}
no ValidationException | given twice | CreateEnvironmentAccountConnection {"environmentName":"far","managementAccountId":"000000000000","roleArn":"$ROLE","tags":[{"key":"a","value":"1"},{"key":"a","value":"2"}]}
no ValidationException | 'tags' failed to satisfy constraint: Member must have length less than or equal to 50 | TagResource {"resourceArn":"$ARNservice/shop","tags":[$T51]}
ok TagResource {"resourceArn":"$ARNservice/shop","tags":[$T50]}
no ServiceQuotaExceededException | would have 51 tags | TagResource {"resourceArn":"$ARNservice/shop","tags":[{"key":"last","value":""}]}
ok TagResource {"resourceArn":"$ARNservice/shop","tags":[{"key":"k50","value":"again"}]}`},
		{"8.10", "A member of another type is no value at all.", "", `
no SerializationException | NUMBER_VALUE cannot be converted to String: 'name' is a number | GetService {"name":1}
no SerializationException | STRING_VALUE cannot be converted to Integer: 'maxResults' | ListServices {"maxResults":"5"}
no SerializationException | TRUE_VALUE cannot be converted to String | GetService {"name":true}
no SerializationException | Start of structure or map found where not expected: 'name' | GetService {"name":{}}
no SerializationException | Start of list found where not expected: 'name' | GetService {"name":["shop"]}
no SerializationException | Expected list or null: 'tags' is a string | TagResource {"resourceArn":"$ARNservice/shop","tags":"a"}
no SerializationException | Expected structure or null: 'tags.1.member' is null | TagResource {"resourceArn":"$ARNservice/shop","tags":[null]}
no SerializationException | STRING_VALUE cannot be converted to Boolean | UpdateAccountSettings {"deletePipelineProvisioningRepository":"true"}
no ValidationException | U+0000 | UpdateService {"name":"shop","description":"a\u0000b"}
ok ListServices {"maxResults":5,"nextToken":null}`},
		{"8.11", "Of each kind there are at most as many as the quota says; the same creation again is no other one.", "", `
ok CreateEnvironmentTemplate {"name":"last"}
quota 5
no ServiceQuotaExceededException | there are 5 templates, and the quota is 5 | CreateEnvironmentTemplate {"name":"one-more"}
ok CreateEnvironmentTemplate {"name":"last"}
quota 2
no ServiceQuotaExceededException | there are 2 environments | CreateEnvironment {"name":"dev",` + mine + `}
no ServiceQuotaExceededException | versions of net | CreateEnvironmentTemplateVersion {"templateName":"net","source":{"s3":{"bucket":"bundles","key":"k"}}}
quota 1
no ServiceQuotaExceededException | there are 1 services | CreateService {"name":"other",` + shopOf + `,"spec":"$SHOP"}
quota 3
ok CreateEnvironment {"name":"dev",` + mine + `}`},
	}
}
