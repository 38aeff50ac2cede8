# terraform_data stands where aws_vpc and aws_subnet would be: it is kept in
# terraform's state like any resource, and needs no account and no provider.
# What is read from var.environment is declared by Baryon, as AWS Proton did it.
resource "terraform_data" "network" {
  input            = var.environment.inputs.cidr
  triggers_replace = [var.environment.inputs.cidr]
}

resource "terraform_data" "subnet" {
  count = var.environment.inputs.subnets
  input = cidrsubnet(terraform_data.network.output, 4, count.index)
}
