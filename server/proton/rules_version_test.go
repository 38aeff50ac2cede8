package proton_test

func nameRules() []rule {
	return []rule{
		{"1.1.1", "A name begins with a letter or digit and has at most 100 of letters, digits, _ and -.", "", `
ok CreateEnvironmentTemplate {"name":"$N100"}
no ValidationException | length less than or equal to 100 | CreateEnvironmentTemplate {"name":"$N101"}
no ValidationException | regular expression pattern | CreateEnvironmentTemplate {"name":"-a"}`},
		{"1.1.2", "Names are unique in the account; those of instances in their service.", "", `
ok CreateService {"name":"other","templateName":"web","templateMajorVersion":"1",$REPO,"spec":"$SHOP"}
no ValidationException | exists already | CreateService {"name":"shop","templateName":"web","templateMajorVersion":"2",$REPO,"spec":"$SHOP"}
no ValidationException | rename one of the two | CreateService {"name":"third","templateName":"web","templateMajorVersion":"1",$REPO,"spec":"{proton: ServiceSpec, pipeline: {}, instances: [$INSTANCE, $INSTANCE]}"}`},
		{"1.1.3", "An instance runs in an environment whose template and major its own template lists; the minor does not matter.", "", `
ok UpdateEnvironment {"name":"prod","deploymentType":"MINOR_VERSION"}
settle
ok CreateService {"name":"other","templateName":"web","templateMajorVersion":"1",$REPO,"spec":"$SHOP"}
no ValidationException | net | CreateService {"name":"third","templateName":"web","templateMajorVersion":"2",$REPO,"spec":"$SHOP"}`},
	}
}

func versionRules() []rule {
	const of = `"templateName":"net","source":{"s3":{"bucket":"bundles","key":"net.tgz"}}`
	return []rule{
		{"1.2.1", "Without a major a version begins the next major, with one it is the next minor of it.", "", `
ok CreateEnvironmentTemplateVersion {` + of + `}
see environmentTemplateVersion.minorVersion = 0 | GetEnvironmentTemplateVersion {"templateName":"net","majorVersion":"3","minorVersion":"0"}
ok CreateEnvironmentTemplateVersion {"majorVersion":"1",` + of + `}
see environmentTemplateVersion.minorVersion = 4 | GetEnvironmentTemplateVersion {"templateName":"net","majorVersion":"1","minorVersion":"4"}
no ResourceNotFoundException | 9 | CreateEnvironmentTemplateVersion {"majorVersion":"9",` + of + `}`},
		{"1.2.2", "A bundle comes from S3; its registration is under way when the call returns.", "", `
ok CreateEnvironmentTemplateVersion {` + of + `}
see environmentTemplateVersion.status = REGISTRATION_IN_PROGRESS | GetEnvironmentTemplateVersion {"templateName":"net","majorVersion":"3","minorVersion":"0"}
no ValidationException | want exactly one of s3 | CreateEnvironmentTemplateVersion {"templateName":"net","source":{}}`},
		{"1.2.3", "From DRAFT to PUBLISHED is the one change of status to ask for; nothing is taken back.", "", `
ok UpdateEnvironmentTemplateVersion {"templateName":"net","majorVersion":"1","minorVersion":"2","status":"PUBLISHED"}
see environmentTemplateVersion.status = PUBLISHED | GetEnvironmentTemplateVersion {"templateName":"net","majorVersion":"1","minorVersion":"2"}
no ValidationException | the one status to ask for is PUBLISHED | UpdateEnvironmentTemplateVersion {"templateName":"net","majorVersion":"1","minorVersion":"2","status":"DRAFT"}
no ConflictException | only a DRAFT can be published | UpdateEnvironmentTemplateVersion {"templateName":"net","majorVersion":"1","minorVersion":"3","status":"PUBLISHED"}`},
		{"1.2.4", "A DRAFT can be used by whoever names it; a version that failed cannot.", "", `
ok CreateEnvironment {"name":"dev","templateName":"net","templateMajorVersion":"1","templateMinorVersion":"2","spec":"{proton: EnvironmentSpec, spec: {}}"}
see environment.templateMinorVersion = 2 | GetEnvironment {"name":"dev"}
no ValidationException | cannot be used: it is REGISTRATION_FAILED | CreateEnvironment {"name":"bad","templateName":"net","templateMajorVersion":"1","templateMinorVersion":"3","spec":"{proton: EnvironmentSpec, spec: {}}"}`},
		{"1.2.5", "Who names no minor gets the recommended one, which is the highest that is published; without any there is none to get.", "", `
see environmentTemplate.recommendedVersion = 2.0 | GetEnvironmentTemplate {"name":"net"}
ok CreateEnvironment {"name":"dev","templateName":"net","templateMajorVersion":"1","spec":"{proton: EnvironmentSpec, spec: {}}"}
see environment.templateMinorVersion = 1 | GetEnvironment {"name":"dev"}
no ValidationException | publish one, or name a minor version | CreateEnvironment {"name":"bad","templateName":"raw","templateMajorVersion":"1","spec":"{proton: EnvironmentSpec, spec: {}}"}`},
		{"1.2.6", "What a version is called can be changed, its bundle not.", "", `
ok UpdateEnvironmentTemplateVersion {"templateName":"net","majorVersion":"1","minorVersion":"0","description":"the first"}
see environmentTemplateVersion.description = the first | GetEnvironmentTemplateVersion {"templateName":"net","majorVersion":"1","minorVersion":"0"}
no ValidationException | 'source' is no member here | UpdateEnvironmentTemplateVersion {"templateName":"net","majorVersion":"1","minorVersion":"0","source":{"s3":{"bucket":"bundles","key":"net.tgz"}}}`},
		{"1.2.7", "A version of a service template names at least one environment template, which is there.", "", `
ok CreateServiceTemplateVersion {"templateName":"web","source":{"s3":{"bucket":"bundles","key":"w"}},"compatibleEnvironmentTemplates":[{"templateName":"net","majorVersion":"2"}]}
see serviceTemplateVersion.compatibleEnvironmentTemplates.#0.majorVersion = 2 | GetServiceTemplateVersion {"templateName":"web","majorVersion":"3","minorVersion":"0"}
no ValidationException | compatibleEnvironmentTemplates | CreateServiceTemplateVersion {"templateName":"web","source":{"s3":{"bucket":"bundles","key":"w"}},"compatibleEnvironmentTemplates":[]}
no ValidationException | create that first | CreateServiceTemplateVersion {"templateName":"web","source":{"s3":{"bucket":"bundles","key":"w"}},"compatibleEnvironmentTemplates":[{"templateName":"net","majorVersion":"7"}]}`},
		{"1.2.8", "The list of compatible environment templates can be changed in place, and holds at once.", "", `
no ValidationException | net | UpdateServiceInstance {"name":"eu","serviceName":"shop","deploymentType":"MAJOR_VERSION"}
ok UpdateServiceTemplateVersion {"templateName":"web","majorVersion":"2","minorVersion":"0","compatibleEnvironmentTemplates":[{"templateName":"net","majorVersion":"1"}]}
ok UpdateServiceInstance {"name":"eu","serviceName":"shop","deploymentType":"MAJOR_VERSION"}`},
		{"1.2.9", "Components attach where the version supports them; a change acts on later ones alone.", "", `
ok CreateComponent {"name":"queue","manifest":"$MANIFEST","templateFile":"$BODY","serviceName":"shop","serviceInstanceName":"eu","serviceSpec":"$SHOP"}
settle
ok UpdateServiceTemplateVersion {"templateName":"web","majorVersion":"1","minorVersion":"0","supportedComponentSources":[]}
see component.serviceInstanceName = eu | GetComponent {"name":"queue"}
no ValidationException | supportedComponentSources | CreateComponent {"name":"topic","manifest":"$MANIFEST","templateFile":"$BODY","serviceName":"shop","serviceInstanceName":"us","serviceSpec":"$SHOP"}`},
		{"1.2.10", "A service without a pipeline is given no repository.", "", `
ok CreateService {"name":"batch","templateName":"job","templateMajorVersion":"1","spec":"{proton: ServiceSpec, instances: [$INSTANCE]}"}
no ValidationException | cannot be given | CreateService {"name":"other","templateName":"job","templateMajorVersion":"1",$REPO,"spec":"{proton: ServiceSpec, instances: [$INSTANCE]}"}`},
		{"1.2.11", "A service with a pipeline is given a repository, its connection and its branch.", "", `
ok CreateService {"name":"other","templateName":"web","templateMajorVersion":"1",$REPO,"spec":"$SHOP"}
no ValidationException | must be given | CreateService {"name":"third","templateName":"web","templateMajorVersion":"1","repositoryId":"acme/shop","spec":"$SHOP"}`},
		{"1.2.12", "The spec of a service without a pipeline has none.", "", `
ok CreateService {"name":"batch","templateName":"job","templateMajorVersion":"1","spec":"{proton: ServiceSpec, instances: [$INSTANCE]}"}
no ValidationException | has no pipeline | CreateService {"name":"other","templateName":"job","templateMajorVersion":"1","spec":"{proton: ServiceSpec, pipeline: {}, instances: [$INSTANCE]}"}`},
		{"1.2.13", "A version that something uses cannot be deleted.", "", `
no ConflictException | is used by environment/prod | DeleteEnvironmentTemplateVersion {"templateName":"net","majorVersion":"1","minorVersion":"0"}
ok DeleteEnvironmentTemplateVersion {"templateName":"net","majorVersion":"1","minorVersion":"3"}
see templateVersions.#3.majorVersion = 2 | ListEnvironmentTemplateVersions {"templateName":"net"}`},
		{"1.2.14", "The recommended minor goes last of its major, the recommended major last of all.", "", `
no ConflictException | delete those first | DeleteServiceTemplateVersion {"templateName":"web","majorVersion":"1","minorVersion":"1"}
no ConflictException | delete those first | DeleteServiceTemplateVersion {"templateName":"web","majorVersion":"2","minorVersion":"0"}
ok DeleteServiceTemplateVersion {"templateName":"web","majorVersion":"1","minorVersion":"2"}
ok DeleteServiceTemplateVersion {"templateName":"job","majorVersion":"1","minorVersion":"0"}`},
		{"1.2.15", "A template goes when it has no versions.", "", `
no ConflictException | version | DeleteEnvironmentTemplate {"name":"raw"}
ok DeleteEnvironmentTemplateVersion {"templateName":"raw","majorVersion":"1","minorVersion":"0"}
ok DeleteEnvironmentTemplate {"name":"raw"}
no ResourceNotFoundException | raw | GetEnvironmentTemplate {"name":"raw"}`},
		{"1.2.16", "Whether a template is provisioned by its customer is said when it is made, and stays.", "", `
ok CreateEnvironmentTemplate {"name":"ours","provisioning":"CUSTOMER_MANAGED"}
see environmentTemplate.provisioning = CUSTOMER_MANAGED | GetEnvironmentTemplate {"name":"ours"}
no ValidationException | 'provisioning' is no member here | UpdateEnvironmentTemplate {"name":"ours","provisioning":"CUSTOMER_MANAGED"}`},
	}
}

const mine = `"spec":"{proton: EnvironmentSpec, spec: {}}","templateName":"net","templateMajorVersion":"1"`

func provisioningRules() []rule {
	return []rule{
		{"1.3.1", "An environment has a role or an account connection, and not both.", "No role and no connection is needed where the daemon itself runs the engine.", `
ok CreateEnvironment {"name":"dev",` + mine + `,"protonServiceRoleArn":"$ROLE"}
see environment.protonServiceRoleArn = $ROLE | GetEnvironment {"name":"dev"}
ok CreateEnvironment {"name":"free",` + mine + `}
no ValidationException | exclude each other | CreateEnvironment {"name":"bad",` + mine + `,"protonServiceRoleArn":"$ROLE","environmentAccountConnectionId":"11111111-1111-4111-8111-111111111111"}`},
		{"1.3.2", "What pull requests provision has a linked repository, no role and no connection.", "", `
no ResourceNotFoundException | link it with CreateRepository first | CreateEnvironment {"name":"dev",` + mine + `,"provisioningRepository":{$LINK,"branch":"main"}}
ok CreateRepository {$LINK,$CONNECTION}
ok CreateEnvironment {"name":"dev",` + mine + `,"provisioningRepository":{$LINK,"branch":"main"}}
see environment.provisioningRepository.branch = main | GetEnvironment {"name":"dev"}
no ValidationException | give it no protonServiceRoleArn | CreateEnvironment {"name":"bad",` + mine + `,"protonServiceRoleArn":"$ROLE","provisioningRepository":{$LINK,"branch":"main"}}`},
		{"1.3.3", "An empty text takes a role of the account settings away.", "Roles that are not set are empty texts.", `
ok UpdateAccountSettings {"pipelineServiceRoleArn":"$ROLE"}
see accountSettings.pipelineServiceRoleArn = $ROLE | GetAccountSettings {}
ok UpdateAccountSettings {"pipelineServiceRoleArn":""}
see accountSettings.pipelineServiceRoleArn =  | GetAccountSettings {}
no ValidationException | pipelineServiceRoleArn | UpdateAccountSettings {"pipelineServiceRoleArn":"nonsense"}`},
		{"1.3.4", "The repository of the account settings is set, or taken away with a flag.", "", `
ok CreateRepository {$LINK,$CONNECTION}
no ValidationException | give one of them | UpdateAccountSettings {"pipelineProvisioningRepository":{$LINK,"branch":"main"},"deletePipelineProvisioningRepository":true}
ok UpdateAccountSettings {"pipelineProvisioningRepository":{$LINK,"branch":"main"}}
see accountSettings.pipelineProvisioningRepository.name = acme/platform | GetAccountSettings {}
ok UpdateAccountSettings {"deletePipelineProvisioningRepository":true}
see accountSettings.pipelineProvisioningRepository = <nil> | GetAccountSettings {}`},
		{"1.3.5", "An environment stays with its roles or with its connection; another connection is of the same account.", "", `
ok CreateEnvironment {"name":"dev",` + mine + `,"protonServiceRoleArn":"$ROLE"}
settle
ok CreateEnvironmentAccountConnection {"environmentName":"dev","managementAccountId":"111111111111","roleArn":"$ROLE","clientToken":"a"}
keep ID = environmentAccountConnections.#0.id | ListEnvironmentAccountConnections {"requestedBy":"MANAGEMENT_ACCOUNT","environmentName":"dev"}
ok AcceptEnvironmentAccountConnection {"id":"$ID"}
no ValidationException | cannot change to an environment account connection | UpdateEnvironment {"name":"dev","deploymentType":"CURRENT_VERSION","environmentAccountConnectionId":"$ID"}
ok UpdateEnvironment {"name":"dev","deploymentType":"CURRENT_VERSION","protonServiceRoleArn":"$ROLE-two"}`},
	}
}

func connectionRules() []rule {
	const request = `
ok CreateEnvironmentAccountConnection {"environmentName":"dev","managementAccountId":"111111111111","roleArn":"$ROLE"}
keep ID = environmentAccountConnections.#0.id | ListEnvironmentAccountConnections {"requestedBy":"MANAGEMENT_ACCOUNT","environmentName":"dev"}
`
	return []rule{
		{"1.4.1", "A connection is requested and accepted; a rejection is final.", "One daemon stands for both accounts; the environment's is read from the roles.", request + `
see environmentAccountConnection.status = PENDING | GetEnvironmentAccountConnection {"id":"$ID"}
ok AcceptEnvironmentAccountConnection {"id":"$ID"}
see environmentAccountConnection.status = CONNECTED | GetEnvironmentAccountConnection {"id":"$ID"}
ok RejectEnvironmentAccountConnection {"id":"$ID"}
no ConflictException | request another one | AcceptEnvironmentAccountConnection {"id":"$ID"}`},
		{"1.4.2", "An environment uses a connection that was accepted.", "", request + `
no ConflictException | accept it first | CreateEnvironment {"name":"dev",` + mine + `,"environmentAccountConnectionId":"$ID"}
ok AcceptEnvironmentAccountConnection {"id":"$ID"}
ok CreateEnvironment {"name":"dev",` + mine + `,"environmentAccountConnectionId":"$ID"}
see environment.environmentAccountId = 222222222222 | GetEnvironment {"name":"dev"}`},
		{"1.4.3", "A connection serves the environment of one name.", "", request + `
ok AcceptEnvironmentAccountConnection {"id":"$ID"}
no ValidationException | is for the environment dev | CreateEnvironment {"name":"test",` + mine + `,"environmentAccountConnectionId":"$ID"}
ok CreateEnvironment {"name":"dev",` + mine + `,"environmentAccountConnectionId":"$ID"}`},
		{"1.4.4", "What an environment uses cannot be rejected.", "", request + `
ok AcceptEnvironmentAccountConnection {"id":"$ID"}
ok CreateEnvironment {"name":"dev",` + mine + `,"environmentAccountConnectionId":"$ID"}
no ConflictException | delete that first | RejectEnvironmentAccountConnection {"id":"$ID"}
see environmentAccountConnection.status = CONNECTED | GetEnvironmentAccountConnection {"id":"$ID"}`},
		{"1.4.5", "A connection can be deleted while it is used; the environment then takes another of the same account.", "", request + `
ok AcceptEnvironmentAccountConnection {"id":"$ID"}
ok CreateEnvironment {"name":"dev",` + mine + `,"environmentAccountConnectionId":"$ID"}
settle
ok DeleteEnvironmentAccountConnection {"id":"$ID"}
no ResourceNotFoundException | does not exist | UpdateEnvironment {"name":"dev","deploymentType":"CURRENT_VERSION","environmentAccountConnectionId":"$ID"}
` + request + `
ok AcceptEnvironmentAccountConnection {"id":"$ID"}
ok UpdateEnvironment {"name":"dev","deploymentType":"CURRENT_VERSION","environmentAccountConnectionId":"$ID"}
see environment.environmentAccountConnectionId = $ID | GetEnvironment {"name":"dev"}`},
	}
}
