output "Cidr" {
  value = terraform_data.network.output
}

output "Subnets" {
  value = join(" ", terraform_data.subnet[*].output)
}
