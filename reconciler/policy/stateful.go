package policy

import "baryon/provisioner"

// Stateful are the types of resources that hold what cannot be made again from
// a template, of the providers that are met most.
func Stateful() provisioner.Patterns {
	return provisioner.Patterns{
		// AWS CloudFormation.
		"AWS::Backup::BackupVault", "AWS::Cassandra::Table", "AWS::Cognito::UserPool",
		"AWS::DAX::Cluster", "AWS::DocDB::DBCluster", "AWS::DocDB::DBInstance", "AWS::DSQL::Cluster",
		"AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::EC2::Volume", "AWS::ECR::Repository", "AWS::EFS::FileSystem",
		"AWS::ElastiCache::CacheCluster", "AWS::ElastiCache::ReplicationGroup", "AWS::ElastiCache::ServerlessCache",
		"AWS::Elasticsearch::Domain", "AWS::FSx::FileSystem", "AWS::FSx::Volume", "AWS::KMS::Key", "AWS::Kinesis::Stream",
		"AWS::Lightsail::Database", "AWS::Lightsail::Disk", "AWS::MemoryDB::Cluster", "AWS::MSK::Cluster", "AWS::MSK::ServerlessCluster",
		"AWS::Neptune::DBCluster", "AWS::Neptune::DBInstance", "AWS::OpenSearchServerless::Collection", "AWS::OpenSearchService::Domain",
		"AWS::QLDB::Ledger", "AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::RDS::GlobalCluster",
		"AWS::Redshift::Cluster", "AWS::RedshiftServerless::Namespace", "AWS::Route53::HostedZone",
		"AWS::S3::Bucket", "AWS::S3Express::DirectoryBucket", "AWS::S3Tables::TableBucket", "AWS::SecretsManager::Secret", "AWS::Serverless::SimpleTable",
		"AWS::Timestream::Database", "AWS::Timestream::Table", "AWS::Timestream::InfluxDBInstance",
		// Terraform and OpenTofu.
		"aws_backup_vault", "aws_cognito_user_pool", "aws_dax_cluster", "aws_db_instance", "aws_docdb_cluster*", "aws_dsql_cluster",
		"aws_dynamodb_table", "aws_dynamodb_global_table", "aws_ebs_volume", "aws_ecr_repository", "aws_efs_file_system",
		"aws_elasticache_cluster", "aws_elasticache_replication_group", "aws_elasticache_serverless_cache", "aws_elasticsearch_domain",
		"aws_fsx_*_file_system", "aws_fsx_*_volume", "aws_keyspaces_table", "aws_kinesis_stream", "aws_kms_key", "aws_lightsail_database", "aws_lightsail_disk",
		"aws_memorydb_cluster", "aws_msk_cluster", "aws_msk_serverless_cluster", "aws_neptune_cluster", "aws_neptune_cluster_instance",
		"aws_opensearch_domain", "aws_opensearchserverless_collection", "aws_qldb_ledger",
		"aws_rds_cluster", "aws_rds_cluster_instance", "aws_rds_global_cluster", "aws_redshift_cluster", "aws_redshiftserverless_namespace", "aws_route53_zone",
		"aws_s3_bucket", "aws_s3_directory_bucket", "aws_s3tables_table_bucket", "aws_secretsmanager_secret",
		"aws_timestreamwrite_database", "aws_timestreamwrite_table", "aws_timestreaminfluxdb_db_instance",
		"azurerm_cosmosdb_account", "azurerm_key_vault", "azurerm_managed_disk", "azurerm_mssql_database", "azurerm_mssql_server", "azurerm_mysql_flexible_server",
		"azurerm_postgresql_flexible_server", "azurerm_redis_cache", "azurerm_storage_account", "azurerm_storage_container",
		"google_alloydb_cluster", "google_bigquery_dataset", "google_bigquery_table", "google_bigtable_instance", "google_compute_disk", "google_filestore_instance",
		"google_firestore_database", "google_kms_crypto_key", "google_redis_instance", "google_spanner_database", "google_spanner_instance",
		"google_sql_database", "google_sql_database_instance", "google_storage_bucket",
		"kubernetes_persistent_volume", "kubernetes_persistent_volume_claim", "kubernetes_persistent_volume_claim_v1", "kubernetes_persistent_volume_v1",
		"digitalocean_database_cluster", "digitalocean_volume", "hcloud_volume",
	}
}

// BuiltIn is the rule that holds where the configuration does not turn it off:
// nothing of these types is deleted or replaced unless somebody with a name
// allows it.
func BuiltIn(types provisioner.Patterns) Rule {
	return Rule{Name: "built-in policy for resources that hold data", NeverDelete: types, NeverReplace: types}
}
